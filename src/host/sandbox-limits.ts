import { canLimit, readView } from "../cgroup/index.ts";
import { invalid, LibctError } from "../errors.ts";
import { parseSize, type Resources, type Rlimit } from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import type { SandboxOptions } from "./sandbox-options.ts";

export interface SandboxLimits {
  /** Undefined: none that a cgroup keeps. */
  readonly resources: Resources | undefined;
  readonly rlimits: readonly Rlimit[];
}

/** Limits are kept by a cgroup where one can be made: for all processes together. Elsewhere by resource limits: memory for each process alone. */
export function sandboxLimits(caller: Caller, { memory, pids }: SandboxOptions): SandboxLimits {
  const bytes = memory === undefined ? undefined : parseSize(memory, "sandbox.memory");
  if (bytes !== undefined && bytes < 1) throw invalid("sandbox.memory", memory, "a number of bytes from 1 on");
  if (pids !== undefined && (!Number.isInteger(pids) || pids < 1)) {
    throw invalid("sandbox.pids", pids, "a number of processes from 1 on");
  }
  const memoryGroup: Resources = bytes === undefined ? {} : { memory: { limit: bytes } };
  const pidsGroup: Resources = pids === undefined ? {} : { pids: { limit: pids } };
  const rlimits: Rlimit[] = [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }];
  const view = bytes === undefined && pids === undefined ? undefined : readView();
  const keeps = (resources: Resources) => view !== undefined && canLimit(resources, view);
  const groups = { memory: bytes !== undefined && keeps(memoryGroup), pids: pids !== undefined && keeps(pidsGroup) };
  if (!groups.memory && bytes !== undefined) rlimits.push({ type: "RLIMIT_DATA", soft: bytes, hard: bytes });
  if (!groups.pids && pids !== undefined) rlimits.push(processLimit(caller, pids));
  const resources = { ...(groups.memory ? memoryGroup : {}), ...(groups.pids ? pidsGroup : {}) };
  return { resources: groups.memory || groups.pids ? resources : undefined, rlimits };
}

/** RLIMIT_NPROC does not bind the machine's root (setrlimit(2)): a limit that is not kept must not look as if it were. */
function processLimit(caller: Caller, pids: number): Rlimit {
  if (caller.uid !== 0) return { type: "RLIMIT_NPROC", soft: pids, hard: pids };
  throw new LibctError("ERR_CT_NOT_PERMITTED", "the number of processes cannot be limited here", {
    member: "sandbox.pids",
    hint: "no cgroup with the pids controller can be made, and root is exempt from RLIMIT_NPROC: run as an ordinary user",
  });
}
