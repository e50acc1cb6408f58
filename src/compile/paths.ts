import { AT, E, MOUNT_ATTR, MOVE_MOUNT, MS, O, OPEN_TREE, openFlags, u64s } from "../linux/index.ts";
import type { Register } from "../program/index.ts";
import { setAttributes } from "./attributes.ts";
import type { Context } from "./context.ts";
import { labelledData } from "./mount-label.ts";
import type { Resolved } from "./resolved.ts";

/** The directory of the host's own /dev/null, opened before the root is entered: an image's /dev/null may be anything (CVE-2025-31133). */
export function captureNullDevice(c: Context): Register | undefined {
  if ((c.resolved.spec.maskedPaths ?? []).length === 0) return undefined;
  const flags = O.PATH | O.CLOEXEC | openFlags(c.resolved.arch).DIRECTORY;
  return c.init.at("maskedPaths").sysResult("host_dev", "openat", [AT.FDCWD, c.init.str("/dev"), flags, 0]);
}

/** Hides files behind /dev/null and directories behind an empty read-only tmpfs. What does not exist needs no hiding. */
export function maskPaths(c: Context, hostDev: Register | undefined): void {
  const { init, resolved: r } = c;
  if (!hostDev) return;
  // The working directory is for the source alone: the targets are absolute, and so the container's.
  init.at("maskedPaths").sys("fchdir", [hostDev]);
  const source = init.str("null");
  const empty = labelledData(c, "tmpfs", "nr_inodes=2,mode=755");
  (r.spec.maskedPaths ?? []).forEach((path, index) => {
    init.at(`maskedPaths[${index}]`);
    const directory = init.label();
    const done = init.label();
    const result = c.program.register("result");
    // To bind a file on a directory fails as well, but what was bound is let go then, and for that the kernel waits for all processors (namespace_unlock).
    init.sys("faccessat", [AT.FDCWD, init.str(`${path}/.`), F_OK], {
      dst: result,
      tolerate: [E.ENOENT, E.ENOTDIR],
      why: "is it a directory?",
    });
    init.jumpIf(result, 0, directory);
    init.sys("mount", [source, init.str(path), 0, MS.BIND, 0], {
      tolerate: [E.ENOENT],
      jump: { on: [E.ENOTDIR], to: directory },
      why: "hide the file",
    });
    init.jump(done);
    init.place(directory);
    const flags = MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC;
    init.sys("mount", [init.str("tmpfs"), init.str(path), init.str("tmpfs"), flags, empty], {
      tolerate: [E.ENOENT, E.ENOTDIR],
      why: "hide the directory",
    });
    init.place(done);
  });
  init.at("maskedPaths").sys("close", [hostDev]);
}

/** openat2(2) */
const RESOLVE_NO_MAGICLINKS = 2;

/** faccessat(2): whether there is something. */
const F_OK = 0;

export function makePathsReadonly(c: Context): void {
  const { init, resolved: r } = c;
  (r.spec.readonlyPaths ?? []).forEach((path, index) => {
    init.at(`readonlyPaths[${index}]`);
    const skip = init.label();
    const target = init.str(path);
    if (r.features.openTree && r.features.mountSetattr) {
      // What is bound and where it is bound are one look-up, which no link to a descriptor of ours takes out of the root: a volume may be changed meanwhile.
      const how = init.memory.bytes(u64s(O.PATH | O.CLOEXEC, 0, RESOLVE_NO_MAGICLINKS));
      const missing = { on: [E.ENOENT, E.ENOTDIR], to: skip };
      const place = init.sysResult("place", "openat2", [AT.FDCWD, target, how, 24], { jump: missing });
      const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.RECURSIVE | AT.EMPTY_PATH;
      const fd = init.sysResult("source", "open_tree", [place, init.str(""), flags]);
      setAttributes(init, fd, "", true, MOUNT_ATTR.RDONLY, 0);
      const into = MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH;
      init.sys("move_mount", [fd, init.str(""), place, init.str(""), into], { why: "make it read-only" });
      init.sys("close", [place]);
      init.sys("close", [fd]);
    } else {
      init.sys("mount", [target, target, 0, MS.BIND | MS.REC, 0], {
        jump: { on: [E.ENOENT, E.ENOTDIR], to: skip },
        why: "bind it on itself",
      });
      // A remount replaces all flags, and those of a user namespace's mounts are locked: they must be repeated.
      const flags = MS.REMOUNT | MS.BIND | MS.RDONLY | flagsAt(r, path);
      init.sys("mount", [0, target, 0, flags, 0], { why: "make it read-only" });
    }
    init.place(skip);
  });
}

/** The flags of the mount that a path of the container lies on, as far as the specification tells. */
function flagsAt(r: Resolved, path: string): number {
  const over = r.mounts.filter(
    ({ mount: { destination } }) =>
      path === destination || path.startsWith(`${destination === "/" ? "" : destination}/`),
  );
  const { source, options } = over.at(-1) ?? {};
  return options ? ((source?.flags ?? 0) | options.flagsSet) & ~options.flagsClear : 0;
}
