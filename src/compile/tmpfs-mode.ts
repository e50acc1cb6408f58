import { AT } from "../linux/index.ts";
import type { DataRef } from "../program/index.ts";
import { enterDirectory, type MountContext } from "./context.ts";
import type { ResolvedMount } from "./resolved.ts";

const STATX_MODE = 2;

const takesMode = ({ mount, options }: ResolvedMount): boolean =>
  mount.keepMode === true &&
  mount.type === "tmpfs" &&
  !options.remount &&
  !options.tmpcopyup &&
  !/(^|,)mode=/.test(options.data);

/** Before the target is made: a new one has no say, and then the kernel's default (1777) stays. Gives the place of the mode, or of zeroes. */
export function noteMode(c: MountContext, resolved: ResolvedMount): DataRef | undefined {
  if (!takesMode(resolved)) return undefined;
  const { init } = c;
  const seen = init.memory.zeroed(256);
  const target = init.str(resolved.mount.destination);
  init.sys("statx", [AT.FDCWD, target, 0, STATX_MODE, seen], { tolerate: "any", why: "look at the mount target" });
  // struct statx: stx_mode at 28.
  return init.memory.at(seen, 28);
}

/** When the tmpfs is mounted. */
export function giveMode(c: MountContext, { mount }: ResolvedMount, noted: DataRef | undefined): void {
  if (!noted) return;
  const { init } = c;
  const mode = c.program.register("mode");
  const skip = init.label();
  init.load(mode, noted, 2);
  init.jumpIf(mode, 0, skip);
  enterDirectory(init, mount.destination, "enter the tmpfs");
  init.sys("fchmodat", [AT.FDCWD, init.str("."), mode], { why: "give it the mode of the directory below" });
  init.place(skip);
}
