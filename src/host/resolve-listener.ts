import { statSync } from "node:fs";
import type { SeccompListener } from "../compile/index.ts";
import { invalid } from "../errors.ts";
import { isSince, type KernelFeatures } from "../linux/index.ts";
import type { OciState, Seccomp } from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import { unsupported } from "./unsupported.ts";

/** What a listener is told of a process, and who makes it. */
export interface Told {
  readonly state: OciState;
  readonly caller: Caller;
  readonly enters: boolean;
}

/** Looks at the socket that is to get the descriptor; refuses what this kernel or this user cannot do. */
export function planListener(
  { listenerPath: path = "", listenerMetadata: metadata }: Seccomp,
  { state, caller, enters }: Told,
  features: KernelFeatures,
): SeccompListener {
  const member = "seccomp.listenerPath";
  if (!isSince(features, 5, 6)) {
    const hint = "it takes pidfd_getfd(2), which came with Linux 5.6: use SCMP_ACT_ERRNO";
    throw unsupported("this kernel lets nobody hand over the listener of a seccomp filter", member, hint);
  }
  if (enters && !caller.privileged) {
    const hint = "nobody may look at who enters, not even its monitor: enter as root, or with a `seccomp` of its own";
    throw unsupported("an ordinary user cannot enter with SCMP_ACT_NOTIFY", member, hint);
  }
  if (!isSocket(path)) throw invalid(member, path, "a Unix socket on which somebody listens");
  return { path, metadata, state, dumpable: !caller.privileged };
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}
