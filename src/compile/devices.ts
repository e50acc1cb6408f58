import { AT, E, MOVE_MOUNT, makedev, O, OPEN_TREE, S } from "../linux/index.ts";
import type { BlockBuilder, DataRef } from "../program/index.ts";
import type { Device } from "../spec/index.ts";
import { bindOpened } from "./bind-opened.ts";
import { type Context, enterDirectory, makeTarget, type ProcessContext, splitPath } from "./context.ts";

const TYPE = { c: S.IFCHR, u: S.IFCHR, b: S.IFBLK, p: S.IFIFO } as const;

/** In a user namespace nodes cannot be made (mknod(2), EPERM): the host's own ones are bound instead, and opened here while the host can be reached. */
export function captureDevices(c: Context): readonly (DataRef | undefined)[] {
  const { init, resolved: r } = c;
  return (r.spec.devices ?? []).map((device, index) => {
    if (r.mayMakeNodes || device.type === "p") return undefined;
    return captureDevice(c, init.at(`devices[${index}]`), device.path);
  });
}

export function captureDevice({ program, resolved: r }: ProcessContext, block: BlockBuilder, device: string): DataRef {
  const slot = program.memory.zeroed(8);
  const fd = program.register("source");
  const path = block.str(device);
  if (r.features.openTree) block.sys("open_tree", [AT.FDCWD, path, OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC], { dst: fd });
  else block.sys("openat", [AT.FDCWD, path, O.PATH | O.CLOEXEC, 0], { dst: fd });
  block.store(slot, fd, 8);
  return slot;
}

export function makeDevices(c: Context, captured: readonly (DataRef | undefined)[]): void {
  const { init, resolved: r } = c;
  let directory = "";
  const enter = (parent: string, why: string) => {
    if (parent !== directory) enterDirectory(init, parent, why);
    directory = parent;
  };
  (r.spec.devices ?? []).forEach((device, index) => {
    init.at(`devices[${index}]`);
    const slot = captured[index];
    if (slot) {
      bindDevice(c, device.path, slot);
      directory = "";
      return;
    }
    const { parent, name } = splitPath(device.path);
    if (parent !== directory && parent !== "/" && parent !== "/dev") makeTarget(init, parent, "directory");
    enter(parent, "enter the device's directory");
    makeNode(c, device, name, isEmptyTmpfs(c, parent));
  });
  (r.spec.links ?? []).forEach((link, index) => {
    init.at(`links[${index}]`);
    const { parent, name } = splitPath(link.path);
    enter(parent, "enter the link's directory");
    init.sys("symlinkat", [init.str(link.target), AT.FDCWD, init.str(name)], { tolerate: [E.EEXIST] });
  });
}

/** Nothing can be there in an empty tmpfs. */
const isEmptyTmpfs = (c: Context, path: string) =>
  c.resolved.mounts.some(
    ({ mount, options }) => mount.destination === path && mount.type === "tmpfs" && !options.tmpcopyup,
  );

/** Makes the node in the directory that was entered. */
export function makeNode(c: ProcessContext, device: Device, name: string, empty: boolean): void {
  const { init } = c;
  const path = init.str(name);
  const mode = TYPE[device.type] | (device.fileMode ?? 0o666);
  const [major, minor] = [device.major ?? 0, device.minor ?? 0];
  const there = init.label();
  const done = init.label();
  const orLook = empty ? {} : { jump: { on: [E.EEXIST], to: there } };
  init.sys("mknodat", [AT.FDCWD, path, mode, makedev(major, minor)], orLook);
  if (device.uid || device.gid)
    init.sys("fchownat", [AT.FDCWD, path, device.uid ?? 0, device.gid ?? 0, AT.SYMLINK_NOFOLLOW]);
  if (empty) return;
  init.jump(done);
  init.place(there);
  expectNode(c, path, mode, major, minor);
  init.place(done);
}

/** "If a file already exists at path that does not match the requested device, the runtime MUST generate an error" (OCI runtime-spec, config-linux.md). */
function expectNode(c: ProcessContext, path: DataRef, mode: number, major: number, minor: number): void {
  const { init } = c;
  const seen = init.memory.zeroed(256);
  const value = c.program.register("seen");
  init.sys("statx", [AT.FDCWD, path, AT.SYMLINK_NOFOLLOW, STATX_TYPE_AND_MODE, seen]);
  // struct statx: stx_mode at 28, stx_rdev_major at 128, stx_rdev_minor at 132.
  for (const [offset, width, wanted] of [
    [28, 2, mode],
    [128, 4, major],
    [132, 4, minor],
  ] as const) {
    init.load(value, init.memory.at(seen, offset), width);
    init.expect(value, wanted, E.EEXIST, "something else is there already");
  }
}

const STATX_TYPE_AND_MODE = 3;

export function bindDevice(c: ProcessContext, path: string, slot: DataRef): void {
  const { init } = c;
  const fd = c.program.register("source");
  makeTarget(init, path, "file");
  init.load(fd, slot, 4);
  if (c.resolved.features.openTree) {
    init.sys("move_mount", [fd, init.str(""), AT.FDCWD, init.str(path), MOVE_MOUNT.F_EMPTY_PATH], {
      why: "bind the host's device",
    });
  } else {
    bindOpened(c, fd, path, { why: "bind the host's device" });
  }
  init.sys("close", [fd]);
}
