import { type Command, command } from "../command.ts";
import type { CreateFlags, ListFlags } from "./verbs.ts";

const json = { text: "print it as JSON" } as const;
const VOLUMES = {
  usage: "[options] VOLUME...",
  words: [["VOLUME", "its name; `ct volume ls` lists them"]],
} as const;
const none = async () => "";
interface Json {
  readonly json?: true;
}

const verbs = () => import("./verbs.ts");

/** `ct volume ...` */
export const VOLUME_COMMANDS: Readonly<Record<string, Command>> = {
  create: command<CreateFlags>(
    {
      summary: "make a volume, if there is none of that name",
      ...VOLUMES,
      usage: "[options] VOLUME",
      most: 1,
      flags: {
        driver: { value: "name", text: "local (default): a directory, or what --opt says; tmpfs: memory" },
        opt: { value: "name=value", many: true, text: "of the driver: type, device, o (local); size, mode (tmpfs)" },
        label: { value: "name=value", many: true, text: "whatever you like" },
        json,
      },
    },
    async () => `
Examples:
  ct volume create data
  ct run -v data:/var/lib/postgresql/data -d docker.io/library/postgres
  ct volume create --opt type=nfs --opt device=server:/export --opt o=addr=192.0.2.1,rw share`,
    async ({ words, flags }, _, globals) => (await verbs()).create(words, flags, globals),
  ),
  ls: command<ListFlags>(
    {
      summary: "list volumes",
      usage: "[options]",
      most: 0,
      flags: { quiet: { short: "-q", text: "only their names" }, json },
    },
    none,
    async ({ flags }, _, globals) => (await verbs()).list(flags, globals),
  ),
  inspect: command<Json>(
    { summary: "tell all that is known of volumes, as JSON", ...VOLUMES, flags: { json } },
    none,
    async ({ words }, _, globals) => (await verbs()).inspect(words, globals),
  ),
  rm: command<Json>(
    { summary: "remove volumes with all that is in them", ...VOLUMES, flags: { json } },
    none,
    async ({ words, flags }, _, globals) => (await verbs()).remove(words, flags, globals),
  ),
  prune: command<Json>(
    { summary: "remove the volumes that no container uses", usage: "[options]", most: 0, flags: { json } },
    none,
    async ({ flags }, _, globals) => (await verbs()).prune(flags, globals),
  ),
};
