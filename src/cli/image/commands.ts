import { type Command, command } from "../command.ts";
import type { PullFlags } from "./transfers.ts";
import type { ListFlags, PruneFlags, RemoveFlags } from "./verbs.ts";

const json = { text: "print it as JSON" } as const;
const IMAGES = {
  usage: "[options] IMAGE...",
  words: [["IMAGE", "its name, or the beginning of its id; `ct image ls` lists them"]],
} as const;
const IMAGE = { ...IMAGES, usage: "[options] IMAGE", most: 1 } as const;
const none = async () => "";
interface Json {
  readonly json?: true;
}

const verbs = () => import("./verbs.ts");
const transfers = () => import("./transfers.ts");

/** `ct image ...` */
export const IMAGE_COMMANDS: Readonly<Record<string, Command>> = {
  pull: command<PullFlags>(
    {
      summary: "fetch images",
      ...IMAGES,
      flags: {
        platform: { value: "os/arch", text: "for another machine, such as linux/arm64" },
        allPlatforms: { text: "those for all machines" },
        quiet: { short: "-q", text: "tell nothing of the progress" },
        json: { text: "print each step, and the image, as JSON" },
      },
    },
    none,
    async ({ words, flags }, _, globals) => (await transfers()).pull(words, flags, globals),
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
