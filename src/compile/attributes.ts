import { AT, E, MOUNT_ATTR, MS } from "../linux/index.ts";
import type { BlockBuilder, Register } from "../program/index.ts";
import type { MountTree } from "../spec/index.ts";
import type { Context } from "./context.ts";

/** Makes a mount read-only, and with `recursive` all below it. */
export function setReadonly(
  c: Context,
  block: BlockBuilder,
  path: string,
  recursive: boolean,
  tree: MountTree = { flags: 0, below: [] },
): void {
  if (c.resolved.features.mountSetattr) {
    setAttributes(block, AT.FDCWD, path, recursive, MOUNT_ATTR.RDONLY, 0);
  } else {
    remountTree(block, path, recursive ? tree : { ...tree, below: [] }, MS.RDONLY, 0);
  }
}

/**
 * What mount_setattr(2) does at once, one mount after the other for older kernels. MS_REMOUNT|MS_BIND replaces all flags, so those that each mount has are
 * given again (mount(2), "Remounting"). What cannot be reached (ENOENT, EACCES) or lies under another mount (EINVAL) cannot be written to either.
 */
export function remountTree(block: BlockBuilder, path: string, tree: MountTree, set: number, clear: number): void {
  const base = path === "/" ? "" : path;
  const why = set & MS.RDONLY ? "make it read-only" : "set the mount's flags";
  const flags = (existing: number) => MS.REMOUNT | MS.BIND | ((existing | set) & ~clear);
  block.sys("mount", [0, block.str(path), 0, flags(tree.flags), 0], { why });
  for (const mount of tree.below) {
    block.sys("mount", [0, block.str(`${base}${mount.path}`), 0, flags(mount.flags), 0], {
      why,
      tolerate: [E.ENOENT, E.EACCES, E.EINVAL, E.ENOTDIR],
    });
  }
}

/** mount_setattr(2) on a path, or on a descriptor when the path is empty. */
export function setAttributes(
  block: BlockBuilder,
  at: number | Register,
  path: string,
  recursive: boolean,
  set: number,
  clear: number,
  userNamespace?: Register,
): void {
  const attr = userNamespace ? block.memory.zeroed(32) : block.memory.bytes(mountAttr(set, clear));
  if (userNamespace) {
    block.store(attr, set, 8);
    block.store(block.memory.at(attr, 8), clear, 8);
    block.store(block.memory.at(attr, 24), userNamespace, 8);
  }
  const flags = (recursive ? AT.RECURSIVE : 0) | (path === "" ? AT.EMPTY_PATH : 0);
  block.sys("mount_setattr", [at, block.str(path), flags, attr, 32], { why: "set the mount's attributes" });
}

function mountAttr(set: number, clear: number): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, set, true);
  view.setUint32(8, clear, true);
  return bytes;
}

/** The flags of mount(2) that the attributes of mount_setattr(2) stand for. */
export function flagsOf(attributes: number): number {
  let flags = attributes & (MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC);
  if (attributes & MOUNT_ATTR.NOATIME) flags |= MS.NOATIME;
  if (attributes & MOUNT_ATTR.STRICTATIME) flags |= MS.STRICTATIME;
  if (attributes & MOUNT_ATTR.NODIRATIME) flags |= MS.NODIRATIME;
  if (attributes & MOUNT_ATTR.NOSYMFOLLOW) flags |= MS.NOSYMFOLLOW;
  return flags;
}
