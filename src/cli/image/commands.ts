import { type Command, command } from "../command.ts";
import type { FlagTable } from "../syntax.ts";
import type { CommitFlags } from "./commit.ts";
import type { ExportFlags } from "./export.ts";
import { REGISTRY_FLAGS } from "./registry-flags.ts";
import type { ImportFlags, LoadFlags, PullFlags, SaveFlags } from "./transfers.ts";
import type { ListFlags, PruneFlags, RemoveFlags } from "./verbs.ts";

const json = { text: "print it as JSON" } as const;
const IMAGES = {
  usage: "[options] IMAGE...",
  words: [["IMAGE", "its name, or the beginning of its id; `ct image ls` lists them"]],
} as const;
const IMAGE = { ...IMAGES, usage: "[options] IMAGE", most: 1 } as const;
const PLACE = [["IMAGE", "its name, or another place"]] as const;
const none = async () => "";
interface Json {
  readonly json?: true;
}

const quiet = { short: "-q", text: "tell nothing of the progress" } as const;
const steps = { text: "print each step, and what came of it, as JSON" } as const;
const PULL_FLAGS: FlagTable<PullFlags> = {
  platform: { value: "os/arch", text: "for another machine, such as linux/arm64" },
  allPlatforms: { text: "those for all machines" },
  ...REGISTRY_FLAGS,
  quiet,
  json: steps,
};
const CHANGE = {
  short: "-c",
  value: "instruction",
  many: true,
  text: 'as of a Dockerfile: CMD ["/bin/sh"], ENV A=1, ...',
} as const;
const PLACES = `
A place is a name as docker knows it (alpine, registry.example:5000/team/app:v1), or docker://NAME, oci:DIR[:TAG], oci-archive:FILE,
docker-archive:FILE[:NAME], docker-daemon:NAME, containers-storage:NAME, tar:FILE, rootfs:DIR.`;

const verbs = () => import("./verbs.ts");
const exporting = () => import("./export.ts");
const transfers = () => import("./transfers.ts");

/** `ct image ...` */
export const IMAGE_COMMANDS: Readonly<Record<string, Command>> = {
  pull: command<PullFlags>(
    { summary: "fetch images", ...IMAGES, words: PLACE, flags: PULL_FLAGS },
    async () => PLACES,
    async ({ words, flags }, _, globals) => (await transfers()).pull(words, flags, globals),
  ),
  push: command<PullFlags>(
    {
      summary: "send an image to where its name says, or elsewhere",
      usage: "[options] IMAGE [PLACE]",
      words: [...IMAGES.words, ["PLACE", "where to, if its name does not say it"]],
      most: 2,
      flags: PULL_FLAGS,
    },
    async () => PLACES,
    async ({ words, flags }, _, globals) => (await transfers()).push(words, flags, globals),
  ),
  copy: command<PullFlags>(
    {
      summary: "copy an image from anywhere to anywhere",
      usage: "[options] FROM TO",
      words: [
        ["FROM", "an image that is here, or a place"],
        ["TO", "a place"],
      ],
      most: 2,
      flags: PULL_FLAGS,
    },
    async () => PLACES,
    async ({ words, flags }, _, globals) => (await transfers()).copy(words, flags, globals),
  ),
  commit: command<CommitFlags>(
    {
      summary: "make an image of what a container has changed",
      usage: "[options] CONTAINER [NAME]",
      words: [
        ["CONTAINER", "its name; `ct ps` lists them"],
        ["NAME", "what the image is called"],
      ],
      most: 2,
      flags: {
        author: { short: "-a", value: "name", text: "who made it" },
        message: { short: "-m", value: "text", text: "what its history says" },
        change: CHANGE,
        noPause: { text: "let the container go on meanwhile" },
        json,
      },
    },
    none,
    async ({ words, flags }, _, globals) => (await import("./commit.ts")).commit(words, flags, globals),
  ),
  diff: command<Json>(
    {
      summary:
        "list what a container has changed, or an image's topmost layer, or what leads from one image to another",
      usage: "[options] CONTAINER|IMAGE [IMAGE]",
      words: [
        ["CONTAINER", "its name, or that of an image: A added, C changed, D removed"],
        ["IMAGE", "another image, to compare the first one with"],
      ],
      most: 2,
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await import("./commit.ts")).diff(words, flags, globals),
  ),
  save: command<SaveFlags>(
    {
      summary: "write images into an archive, which docker, podman and skopeo read as well",
      ...IMAGES,
      flags: {
        output: { short: "-o", value: "file", text: "the archive; default: standard output" },
        quiet,
        json: steps,
      },
    },
    none,
    async ({ words, flags }, _, globals) => (await transfers()).save(words, flags, globals),
  ),
  load: command<LoadFlags>(
    {
      summary: "take all images of an archive: of docker save, podman save, ct image save, or of an OCI layout",
      usage: "[options]",
      most: 0,
      flags: {
        input: { short: "-i", value: "file", text: "the archive; default: standard input" },
        quiet,
        json: steps,
      },
    },
    none,
    async ({ flags }, _, globals) => (await transfers()).load(flags, globals),
  ),
  import: command<ImportFlags>(
    {
      summary: "make an image of a tar archive, or of a directory",
      usage: "[options] FILE|DIR|- [NAME]",
      words: [
        ["FILE", "the archive, the directory, or - for standard input"],
        ["NAME", "what it is called"],
      ],
      most: 2,
      flags: {
        change: CHANGE,
        message: { short: "-m", value: "text", text: "what its history says" },
        quiet,
        json: steps,
      },
    },
    none,
    async ({ words, flags }, _, globals) => (await transfers()).importTree(words, flags, globals),
  ),
  export: command<ExportFlags>(
    {
      summary: "write all files of an image, or of a container over one, as one archive",
      usage: "[options] IMAGE|CONTAINER",
      words: [["IMAGE", "its name, or that of a container"]],
      most: 1,
      flags: {
        output: { short: "-o", value: "file", text: "the archive; default: standard output" },
        noPause: { text: "let the container go on meanwhile" },
        json: { text: "print errors as JSON" },
      },
    },
    none,
    async ({ words, flags }, _, globals) => (await exporting()).exportTree(words, flags, globals),
  ),
  mount: command<Json>(
    {
      summary: "show an image at a path, which is printed, read-only (root only); without IMAGE list those that are",
      usage: "[options] [IMAGE]",
      words: IMAGES.words,
      most: 1,
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await exporting()).mount(words, flags, globals),
  ),
  unmount: command<Json>(
    {
      summary: "take an image from where it is mounted",
      usage: "[options] IMAGE|PATH",
      words: [["IMAGE", "its name, or the path that `ct image mount` has printed"]],
      most: 1,
      flags: { json },
    },
    none,
    async ({ words, flags }, _, globals) => (await exporting()).unmount(words, flags, globals),
  ),
  ls: command<ListFlags>(
    {
      summary: "list images",
      usage: "[options]",
      most: 0,
      flags: {
        quiet: { short: "-q", text: "only their ids" },
        digests: { text: "with the digests of what their names stand for" },
        json,
      },
    },
    none,
    async ({ flags }, _, globals) => (await verbs()).list(flags, globals),
  ),
  inspect: command<Json>(
    { summary: "tell all that is known of images, as JSON", ...IMAGES, flags: { json } },
    none,
    async ({ words }, _, globals) => (await verbs()).inspect(words, globals),
  ),
  history: command<Json>(
    { summary: "tell how an image was made", ...IMAGE, flags: { json } },
    none,
    async ({ words, flags }, _, globals) => (await verbs()).history(words, flags, globals),
  ),
  tag: command<Json>(
    {
      summary: "give an image a further name",
      usage: "IMAGE NAME",
      words: [...IMAGES.words, ["NAME", "its further name"]],
      most: 2,
      flags: { json },
    },
    none,
    async ({ words }, _, globals) => (await verbs()).tag(words, globals),
  ),
  rm: command<RemoveFlags>(
    {
      summary: "remove names of images, and images without a name",
      ...IMAGES,
      flags: {
        force: {
          short: "-f",
          text: "also when containers use it (it goes with the last of them), or with all its names",
        },
        json,
      },
    },
    none,
    async ({ words, flags }, _, globals) => (await verbs()).remove(words, flags, globals),
  ),
  prune: command<PruneFlags>(
    {
      summary: "remove what no image and no container needs",
      usage: "[options]",
      most: 0,
      flags: { all: { short: "-a", text: "also images that no container uses" }, json },
    },
    none,
    async ({ flags }, _, globals) => (await verbs()).prune(flags, globals),
  ),
};
