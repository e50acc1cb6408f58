import { MS } from "../linux/index.ts";
import type { MountTree, RootContext } from "../spec/index.ts";
import { type MountInfo, readMountInfo } from "./mountinfo.ts";

const FLAG_OF_OPTION: Readonly<Record<string, number>> = {
  ro: MS.RDONLY,
  nosuid: MS.NOSUID,
  nodev: MS.NODEV,
  noexec: MS.NOEXEC,
  noatime: MS.NOATIME,
  nodiratime: MS.NODIRATIME,
  relatime: MS.RELATIME,
  nosymfollow: MS.NOSYMFOLLOW,
};

const flagsOf = ({ options }: MountInfo) => options.reduce((flags, option) => flags | (FLAG_OF_OPTION[option] ?? 0), 0);

/** The mount that a path lies on and those below it, with their flags: what mount(2) must be told to change a bound tree. */
export function mountTree(path: string, mounts: readonly MountInfo[] = readMountInfo()): MountTree {
  const base = path === "/" ? "" : path;
  const over = mounts.filter(
    ({ mountPoint }) => mountPoint === "/" || path === mountPoint || path.startsWith(`${mountPoint}/`),
  );
  const nearest = over.reduce<MountInfo | undefined>(
    (best, mount) => (best && best.mountPoint.length > mount.mountPoint.length ? best : mount),
    undefined,
  );
  // Of mounts at the same place only the last one can be reached.
  const below = new Map<string, number>();
  for (const mount of mounts) {
    if (mount.mountPoint !== "/" && mount.mountPoint.startsWith(`${base}/`)) {
      below.set(mount.mountPoint.slice(base.length), flagsOf(mount));
    }
  }
  return { flags: nearest ? flagsOf(nearest) : 0, below: [...below].map(([at, flags]) => ({ path: at, flags })) };
}

/** For a bind step: kernels with mount_setattr(2) need not be told what is mounted, and looking costs time. */
export const treeOf = (context: RootContext, path: string): { readonly tree?: MountTree } =>
  context.mountSetattr ? {} : { tree: mountTree(path) };
