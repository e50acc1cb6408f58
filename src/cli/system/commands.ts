import { type Command, command } from "../command.ts";

const json = { text: "print it as JSON" } as const;
const none = async () => "";
interface Json {
  readonly json?: true;
}
export interface PruneFlags extends Json {
  readonly all?: true;
  readonly volumes?: true;
}

/** `ct system ...` */
export const SYSTEM_COMMANDS: Readonly<Record<string, Command>> = {
  df: command<Json>(
    {
      summary: "tell what images, containers and volumes take on the disk",
      usage: "[options]",
      most: 0,
      flags: { json },
    },
    none,
    async ({ flags }, _, globals) => (await import("./verbs.ts")).df(flags, globals),
  ),
  prune: command<PruneFlags>(
    {
      summary: "remove what nobody needs any more: containers that have ended, and what no image needs",
      usage: "[options]",
      most: 0,
      flags: {
        all: { short: "-a", text: "also images that no container uses" },
        volumes: { text: "also volumes that no container uses" },
        json,
      },
    },
    none,
    async ({ flags }, _, globals) => (await import("./verbs.ts")).prune(flags, globals),
  ),
};
