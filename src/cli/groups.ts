import type { Command } from "./command.ts";

/** Commands with a word of their own before them: `ct image ls`. Loaded when one of them is asked for. */
interface Group {
  readonly summary: string;
  load(): Promise<Readonly<Record<string, Command>>>;
}

export const GROUPS: Readonly<Record<string, Group>> = {
  image: {
    summary:
      "images: pull, push, ls, inspect, history, tag, rm, prune, save, load, import, export, mount, diff, commit, ...",
    load: async () => (await import("./image/commands.ts")).IMAGE_COMMANDS,
  },
  network: {
    summary: "networks that containers share: create, ls, inspect, rm, prune",
    load: async () => (await import("./network-commands.ts")).NETWORK_COMMANDS,
  },
  net: {
    summary: "interfaces of containers that run: ls, attach, detach, set, check, events",
    load: async () => (await import("./nic-commands.ts")).NIC_COMMANDS,
  },
  volume: {
    summary: "volumes: create, ls, inspect, rm, prune",
    load: async () => (await import("./volume/commands.ts")).VOLUME_COMMANDS,
  },
  system: {
    summary: "what images, containers and volumes take on the disk, and what of it can go: df, prune",
    load: async () => (await import("./system/commands.ts")).SYSTEM_COMMANDS,
  },
};

/** Short forms that people know from docker. */
export const SHORT_FORMS: Readonly<Record<string, readonly [group: string, verb: string]>> = {
  pull: ["image", "pull"],
  push: ["image", "push"],
  images: ["image", "ls"],
  commit: ["image", "commit"],
  diff: ["image", "diff"],
  save: ["image", "save"],
  load: ["image", "load"],
  export: ["image", "export"],
  rmi: ["image", "rm"],
  tag: ["image", "tag"],
  history: ["image", "history"],
};

/** A command of a group, with its whole name and the words that are its own. */
export interface Grouped {
  readonly name: string;
  readonly command: Command;
  readonly rest: readonly string[];
}

/** Undefined: it is none. Without a verb, or with one that there is not, `verbs` are those of the group. */
export async function findGrouped(
  line: readonly string[],
): Promise<Grouped | { readonly group: string; readonly verbs: Readonly<Record<string, Command>> } | undefined> {
  const [first = "", second = "", ...rest] = line;
  const short = Object.hasOwn(SHORT_FORMS, first) ? SHORT_FORMS[first] : undefined;
  const [group, verb] = short ?? [first, second];
  if (!Object.hasOwn(GROUPS, group)) return undefined;
  const verbs = (await GROUPS[group]?.load()) ?? {};
  const command = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (!command) return { group, verbs };
  return short ? { name: first, command, rest: line.slice(1) } : { name: `${group} ${verb}`, command, rest };
}
