import type { ContainerSpec, Mount, ProcessSpec } from "../spec/index.ts";
import type { ImageOptions } from "./images/use.ts";
import type { SandboxOptions } from "./sandbox-options.ts";

/** What a throw-away container differs in from the standard one. Mounts and devices are added; everything else replaces. */
export interface RunOptions extends Omit<ContainerSpec, "process">, Partial<Omit<ProcessSpec, "args">> {
  /** Default "none": no network but loopback. */
  readonly network?: "none" | "host";
  /** Default: only when the caller could do without no other way, that is, without privileges. */
  readonly userNamespace?: boolean;
  /** In place of the machine's own root: an image, with its command and environment. It is fetched when it is not here. */
  readonly image?: string | ImageOptions;
  /** The preset for code that is not trusted. */
  readonly sandbox?: SandboxOptions;
  /** Given to the command's standard input. */
  readonly input?: string | Uint8Array;
  /** Seconds, or "1m30s". The command is killed when they are over. */
  readonly timeout?: number | string;
  /** Bytes of standard output and of standard error, or "1M". The command is killed when it writes more. */
  readonly maxOutput?: number | string;
  /** Kills the command when it fires. */
  readonly signal?: AbortSignal;
}

export interface RunPlan {
  readonly spec: ContainerSpec;
  readonly process: ProcessSpec;
  /** Undoes what was made on the host for the plan. */
  release?(): void;
}

/** A later mount on the same place replaces an earlier one. */
export function mergeMounts(base: readonly Mount[], added: readonly Mount[]): readonly Mount[] {
  const replaced = new Set(added.map(({ destination }) => destination));
  return [...base.filter(({ destination }) => !replaced.has(destination)), ...added];
}

const PROCESS_MEMBERS = [
  "env",
  "cwd",
  "makeCwd",
  "user",
  "capabilities",
  "noNewPrivileges",
  "rlimits",
  "oomScoreAdj",
  "apparmorProfile",
  "selinuxLabel",
  "landlock",
  "newSessionKeyring",
  "personality",
  "scheduler",
  "ioPriority",
  "terminal",
  "consoleSize",
] as const satisfies readonly (keyof ProcessSpec)[];

const RUN_MEMBERS = new Set<string>([
  "network",
  "userNamespace",
  "image",
  "sandbox",
  "input",
  "timeout",
  "maxOutput",
  "signal",
  "stdin",
  "stdout",
  "stderr",
]);

/** Which of the options belong to the process and which to the container. */
export function splitOptions(options: RunOptions): {
  readonly spec: Omit<ContainerSpec, "process">;
  readonly process: Partial<ProcessSpec>;
} {
  const spec: Record<string, unknown> = {};
  const process: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || RUN_MEMBERS.has(name)) continue;
    const part = PROCESS_MEMBERS.some((member) => member === name) ? process : spec;
    part[name] = value;
  }
  return { spec, process };
}
