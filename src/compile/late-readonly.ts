import { MOUNT_ATTR, MS } from "../linux/index.ts";
import { flagsOf, setReadonly } from "./attributes.ts";
import type { Context } from "./context.ts";
import type { ResolvedMount } from "./resolved.ts";

/** What devices, the console and the targets of other mounts are made in. (A filesystem of another type may be one that can only be mounted read-only.) */
const takesMore = ({ mount, options, source }: ResolvedMount): boolean =>
  !source && !options.remount && (mount.type === "tmpfs" || mount.destination === "/dev");

const isLate = (resolved: ResolvedMount): boolean =>
  takesMore(resolved) &&
  ((resolved.options.flagsSet & MS.RDONLY) !== 0 || (resolved.options.recursiveSet & MOUNT_ATTR.RDONLY) !== 0);

/** The mount as it is made: one that is to be read-only is so when all is in it (runc, finalizeRootfs). */
export function writableAtFirst(resolved: ResolvedMount): ResolvedMount {
  if (!isLate(resolved)) return resolved;
  const { flagsSet, recursiveSet } = resolved.options;
  const options = {
    ...resolved.options,
    flagsSet: flagsSet & ~MS.RDONLY,
    recursiveSet: recursiveSet & ~MOUNT_ATTR.RDONLY,
  };
  return { ...resolved, options };
}

/** When nothing is made in the container any more. */
export function makeLateReadonly(c: Context): void {
  for (const late of c.resolved.mounts.filter(isLate)) {
    const { flagsSet, recursiveSet, recursiveClear } = writableAtFirst(late).options;
    const flags = (flagsSet | flagsOf(recursiveSet)) & ~flagsOf(recursiveClear);
    setReadonly(c, c.init.at(`${late.member}.options`), late.mount.destination, false, { flags, below: [] });
  }
}
