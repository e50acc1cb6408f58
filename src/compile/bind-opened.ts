import { MS, O } from "../linux/index.ts";
import type { Register } from "../program/index.ts";
import { FIXED_FD, type ProcessContext } from "./context.ts";

/** Binds what a descriptor shows, without open_tree(2) or where no mount of it can be had. */
export function bindOpened(
  { init, proc }: Pick<ProcessContext, "init" | "proc">,
  fd: Register,
  target: string,
  { flags = 0, why }: { readonly flags?: number; readonly why: string },
): void {
  init.sys("dup3", [fd, FIXED_FD.BIND_SOURCE, O.CLOEXEC]);
  // Descriptors are named relative to here, whatever the container has at its own /proc.
  init.sys("fchdir", [proc]);
  init.sys("mount", [init.str(`self/fd/${FIXED_FD.BIND_SOURCE}`), init.str(target), 0, MS.BIND | flags, 0], { why });
  // It is the host's, and whoever shares the pid namespace could follow it while this process waits to be started.
  init.sys("close", [FIXED_FD.BIND_SOURCE]);
}
