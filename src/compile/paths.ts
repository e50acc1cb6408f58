import { AT, E, MOUNT_ATTR, MOVE_MOUNT, MS, O, OPEN_TREE } from "../linux/index.ts";
import { setAttributes } from "./attributes.ts";
import { type Context, FIXED_FD } from "./context.ts";
import type { Resolved } from "./resolved.ts";

/** The host's own /dev/null, opened before the root is entered: an image's /dev/null may be anything (CVE-2025-31133). */
export function captureNullDevice(c: Context): void {
  if ((c.resolved.spec.maskedPaths ?? []).length === 0) return;
  c.init.at("maskedPaths");
  const fd = c.init.sysResult("null_device", "openat", [AT.FDCWD, c.init.str("/dev/null"), O.PATH | O.CLOEXEC, 0]);
  c.init.sys("dup3", [fd, FIXED_FD.NULL_DEVICE, O.CLOEXEC]);
  c.init.sys("close", [fd]);
}

/** Hides files behind /dev/null and directories behind an empty read-only tmpfs. What does not exist needs no hiding. */
export function maskPaths(c: Context): void {
  const { init, resolved: r } = c;
  const paths = r.spec.maskedPaths ?? [];
  if (paths.length === 0) return;
  init.at("maskedPaths").sys("fchdir", [c.proc]);
  const source = init.str(`self/fd/${FIXED_FD.NULL_DEVICE}`);
  paths.forEach((path, index) => {
    init.at(`maskedPaths[${index}]`);
    const directory = init.label();
    const done = init.label();
    const result = c.program.register("result");
    init.sys("mount", [source, init.str(path), 0, MS.BIND, 0], {
      dst: result,
      tolerate: [E.ENOENT],
      jump: { on: [E.ENOTDIR], to: directory },
      why: "hide the file",
    });
    init.jump(done);
    init.place(directory);
    const flags = MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC;
    init.sys("mount", [init.str("tmpfs"), init.str(path), init.str("tmpfs"), flags, init.str("nr_inodes=2,mode=755")], {
      tolerate: [E.ENOENT, E.ENOTDIR],
      why: "hide the directory",
    });
    init.place(done);
  });
  init.at("maskedPaths").sys("close", [FIXED_FD.NULL_DEVICE]);
}

export function makePathsReadonly(c: Context): void {
  const { init, resolved: r } = c;
  (r.spec.readonlyPaths ?? []).forEach((path, index) => {
    init.at(`readonlyPaths[${index}]`);
    const skip = init.label();
    const target = init.str(path);
    if (r.features.openTree && r.features.mountSetattr) {
      const fd = c.program.register("source");
      const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.RECURSIVE;
      init.sys("open_tree", [AT.FDCWD, target, flags], { dst: fd, jump: { on: [E.ENOENT, E.ENOTDIR], to: skip } });
      setAttributes(init, fd, "", true, MOUNT_ATTR.RDONLY, 0);
      init.sys("move_mount", [fd, init.str(""), AT.FDCWD, target, MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_SYMLINKS]);
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
