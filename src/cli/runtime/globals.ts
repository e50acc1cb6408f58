import type { FlagTable } from "../syntax.ts";

/** What stands before the command, and holds for all. */
export interface RuntimeGlobals {
  readonly root?: string;
  readonly log?: string;
  readonly logFormat?: string;
  readonly debug?: true;
  readonly systemdCgroup?: true;
  readonly cgroupManager?: "cgroupfs" | "systemd" | "disabled";
  readonly rootless?: "true" | "false" | "auto";
  readonly criu?: string;
  readonly version?: true;
}

export const GLOBAL_FLAGS: FlagTable<RuntimeGlobals> = {
  root: {
    value: "dir",
    text: "where containers are written down (default: /run/ct-runtime, or $XDG_RUNTIME_DIR/ct-runtime)",
  },
  log: { value: "file", text: "append messages to a file" },
  logFormat: { value: "format", choices: ["text", "json"], text: '"text" (default) or "json"' },
  debug: { text: "log more" },
  systemdCgroup: { text: 'have systemd make cgroups; cgroupsPath is then "slice:prefix:name"' },
  cgroupManager: {
    value: "manager",
    choices: ["cgroupfs", "systemd", "disabled"],
    text: 'as crun has it: "systemd" is --systemd-cgroup, "disabled" makes no cgroups',
  },
  rootless: {
    value: "value",
    choices: ["true", "false", "auto"],
    text: 'whether cgroups that may not be made are done without: "true", "false", or "auto" (default)',
  },
  criu: { value: "path", text: "accepted, and of no effect" },
  version: { short: "-v", text: "print the version" },
};

/** Of root and, with a directory of his own, of another user. Whoever is root in a user namespace only keeps to that user's (runc, shouldHonorXDGRuntimeDir). */
export async function stateDirectory({ root }: RuntimeGlobals): Promise<string> {
  if (root !== undefined) return root;
  const { XDG_RUNTIME_DIR: own, USER: user } = process.env;
  if (own === undefined) return "/run/ct-runtime";
  const isRoot = process.geteuid?.() === 0;
  return isRoot && (user === "root" || (await inInitialUserNamespace())) ? "/run/ct-runtime" : `${own}/ct-runtime`;
}

const inInitialUserNamespace = async () => (await import("../../host/index.ts")).inInitialUserNamespace();
