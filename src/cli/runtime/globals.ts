import type { FlagTable } from "../syntax.ts";

/** What stands before the command, and holds for all. */
export interface RuntimeGlobals {
  readonly root?: string;
  readonly log?: string;
  readonly logFormat?: string;
  readonly debug?: true;
  readonly systemdCgroup?: true;
  readonly rootless?: string;
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
  rootless: { value: "true|false|auto", text: "whether cgroups that may not be made are done without (default: auto)" },
  criu: { value: "path", text: "accepted, and of no effect" },
  version: { short: "-v", text: "print the version" },
};

/** Of root and, with a directory of his own, of another user. */
export function stateDirectory({ root }: RuntimeGlobals): string {
  if (root !== undefined) return root;
  const own = process.env.XDG_RUNTIME_DIR;
  return process.getuid?.() === 0 || own === undefined ? "/run/ct-runtime" : `${own}/ct-runtime`;
}
