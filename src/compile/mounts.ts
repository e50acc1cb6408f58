import { AT, E, MOUNT_ATTR, MOVE_MOUNT, MS, O, OPEN_TREE, openFlags } from "../linux/index.ts";
import type { BlockBuilder, DataRef, Register } from "../program/index.ts";
import { mountAttributes } from "../spec/index.ts";
import { flagsOf, remountTree, setAttributes } from "./attributes.ts";
import { bindOpened } from "./bind-opened.ts";
import { enterDirectory, expectInside, FIXED_FD, lend, type MountContext, makeTarget, splitPath } from "./context.ts";
import { idMapNamespace } from "./idmapped.ts";
import { writableAtFirst } from "./late-readonly.ts";
import { labelledData, labelMounted } from "./mount-label.ts";
import type { ResolvedMount } from "./resolved.ts";
import { giveMode, noteMode } from "./tmpfs-mode.ts";

/**
 * Bind sources are host paths, mount targets are the container's: so the sources are opened here, in the host's tree, before the root is entered, and
 * the targets are resolved afterwards, when nothing but the container's own tree can be reached. No path of an image is ever walked on the host.
 */
export function captureSources(c: MountContext, own: BlockBuilder): (DataRef | undefined)[] {
  return c.resolved.mounts.map((mount) => (mount.source ? captureSource(c, own, mount, mount.source.path) : undefined));
}

/** An open mount (or without open_tree an open file), kept in memory since there are more mounts than registers. */
function captureSource(c: MountContext, own: BlockBuilder, resolved: ResolvedMount, path: string): DataRef {
  const { member, options, mount } = resolved;
  const idmapped = options.idmap !== "none" || mount.uidMappings !== undefined;
  const lent = idmapped || isPeer(c, resolved);
  const block = lent ? c.monitor : own;
  const before = block.member;
  block.at(`${member}.source`);
  const fd = c.program.register("source");
  if (c.resolved.features.openTree) {
    const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | (options.recursive ? AT.RECURSIVE : 0);
    block.sys("open_tree", [AT.FDCWD, block.str(path), flags], { dst: fd });
  } else {
    block.sys("openat", [AT.FDCWD, block.str(path), O.PATH | O.CLOEXEC, 0], { dst: fd });
  }
  block.at(`${member}.options`);
  if (idmapped) {
    const namespace = idMapNamespace(c, mount, member);
    setAttributes(block, fd, "", options.idmap === "ridmap", MOUNT_ATTR.IDMAP, 0, namespace);
  }
  const slot = lent ? lend(c, fd) : c.program.memory.zeroed(8);
  if (!lent) block.store(slot, fd, 8);
  block.at(before);
  return slot;
}

/**
 * "shared": the host sees what the container mounts there. Init's own tree is cut off from the host's by then, so the monitor takes the mount. (Not for a user
 * namespace, which the kernel keeps from mounting for the host: mount_namespaces(7), "Restrictions on mount namespaces".)
 */
const isPeer = (c: MountContext, { options }: ResolvedMount): boolean =>
  (options.propagation & MS.SHARED) !== 0 && c.resolved.features.openTree && !c.resolved.created.has("user");

/** Makes the mounts, in the order of the spec, inside the entered root. */
export function makeMounts(c: MountContext, sources: readonly (DataRef | undefined)[]): void {
  let standing: string | undefined;
  c.resolved.mounts.map(writableAtFirst).forEach((mount, index) => {
    const source = sources[index];
    c.init.at(mount.member);
    const kind = mount.source?.directory === false ? "file" : "directory";
    const mode = noteMode(c, mount);
    standing = makeTarget(c.init, mount.mount.destination, kind, standing);
    if (showsKernel(mount)) expectOwnDirectory(c.init, mount.mount.destination);
    // Only what is mounted in the working directory is sure not to change it, nor to lie over it.
    if (mount.options.remount || source || mount.options.tmpcopyup || mode) standing = undefined;
    makeMount(c, mount, source);
    giveMode(c, mount, mode);
    finishMount(c, mount);
  });
}

/** What paths such as those of maskedPaths and readonlyPaths lead into. */
const showsKernel = ({ mount: { type, destination } }: ResolvedMount) =>
  type === "proc" || type === "sysfs" || destination === "/proc" || destination === "/sys";

/**
 * A link in its place could lead into a volume, and be turned to a made-up /proc when it is time to mask the files of the real one (CVE-2019-19921,
 * CVE-2023-27561). The working directory is the target's.
 */
function expectOwnDirectory(block: BlockBuilder, path: string): void {
  const what = { tolerate: [E.EINVAL], why: `is ${path} a link?` };
  const link = block.sysResult(
    "link",
    "readlinkat",
    [AT.FDCWD, block.str(splitPath(path).name), block.memory.zeroed(8), 1],
    what,
  );
  block.expect(link, -E.EINVAL, E.ELOOP, `${path} of the image is a symbolic link`);
}

/** A mount on a target that is there. It is made, or it is not: nothing is left when it fails. */
export function makeMount(c: MountContext, mount: ResolvedMount, source: DataRef | undefined): void {
  if (mount.options.remount) remount(c, mount);
  else if (mount.source && source) bind(c, mount, source);
  else if (mount.options.tmpcopyup) mountWithCopyUp(c, mount);
  else mountFilesystem(c, mount);
}

/** What can only be done to a mount in its place. */
export function finishMount(c: MountContext, resolved: ResolvedMount): void {
  const { mount, options, source } = resolved;
  const { init } = c;
  const { openTree, mountSetattr } = c.resolved.features;
  if (options.remount || options.tmpcopyup) return;
  if (!source) {
    if (!mountSetattr || !(options.recursiveSet || options.recursiveClear)) return;
    setAttributes(init, AT.FDCWD, mount.destination, true, options.recursiveSet, options.recursiveClear);
    return;
  }
  if (openTree && mountSetattr) return;
  const own = mountAttributes(options);
  const flags = (source.flags | options.flagsSet) & ~options.flagsClear;
  // MS_REMOUNT|MS_BIND replaces all flags, so the existing ones are given again (mount(2), "Remounting").
  if (openTree ? own.set || own.clear : flags !== source.flags) {
    const target = init.str(mount.destination);
    init.sys("mount", [0, target, 0, MS.REMOUNT | MS.BIND | flags, 0], { why: "set the mount's flags" });
  }
  setBelow(c, resolved);
}

function bind(c: MountContext, resolved: ResolvedMount, slot: DataRef): void {
  const { mount, options } = resolved;
  const { init } = c;
  const target = init.str(mount.destination);
  const fd = c.program.register("source");
  const what = { why: `bind ${mount.source ?? ""}` };
  init.load(fd, slot, 4);
  if (!c.resolved.features.openTree) {
    bindOpened(c, fd, mount.destination, { flags: options.recursive ? MS.REC : 0, ...what });
    init.sys("close", [fd]);
    return;
  }
  const own = mountAttributes(options);
  const detached = c.resolved.features.mountSetattr;
  if (detached && (own.set || own.clear)) setAttributes(init, fd, "", false, own.set, own.clear);
  if (detached && (options.recursiveSet || options.recursiveClear)) {
    setAttributes(init, fd, "", true, options.recursiveSet, options.recursiveClear);
  }
  attach(init, fd, target, resolved.source?.directory ?? true, what.why);
  init.sys("close", [fd]);
}

/** An image's link to a file that is not there yet, as /etc/resolv.conf is with systemd-resolved, has the file in its own place. */
function attach(init: BlockBuilder, fd: Register, target: DataRef, directory: boolean, why: string): void {
  const args = (flags: number) => [fd, init.str(""), AT.FDCWD, target, MOVE_MOUNT.F_EMPTY_PATH | flags];
  if (directory) {
    init.sys("move_mount", args(MOVE_MOUNT.T_SYMLINKS), { why });
    return;
  }
  const [dangling, done] = [init.label(), init.label()];
  init.sys("move_mount", args(MOVE_MOUNT.T_SYMLINKS), { why, jump: { on: [E.ENOENT], to: dangling } });
  init.jump(done);
  init.place(dangling);
  init.sys("move_mount", args(0), { why: `${why} over a link to nothing` });
  init.place(done);
}

/** rro and its kin without mount_setattr(2). */
function setBelow(c: MountContext, { mount, options, source }: ResolvedMount): void {
  if (!options.recursiveSet && !options.recursiveClear) return;
  const flags = ((source?.flags ?? 0) | options.flagsSet) & ~options.flagsClear;
  const tree = { flags, below: source?.below ?? [] };
  remountTree(c.init, mount.destination, tree, flagsOf(options.recursiveSet), flagsOf(options.recursiveClear));
}

function mountFilesystem(c: MountContext, { mount, options }: ResolvedMount): void {
  const { init } = c;
  const type = mount.type ?? "none";
  const data = labelledData(c, type, options.data);
  const source = init.str(mount.source ?? type);
  const { mountSetattr } = c.resolved.features;
  // Nothing lies below a new mount.
  const flags = mountSetattr
    ? options.flagsSet
    : (options.flagsSet | flagsOf(options.recursiveSet)) & ~flagsOf(options.recursiveClear);
  init.sys("mount", [source, init.str(mount.destination), init.str(type), flags, data], { why: `mount ${type}` });
  labelMounted(c, type, mount.destination);
}

function remount(c: MountContext, { mount, options }: ResolvedMount): void {
  const data = options.data === "" ? 0 : c.init.str(options.data);
  const flags = MS.REMOUNT | options.flagsSet | (options.bind ? MS.BIND : 0);
  c.init.sys("mount", [0, c.init.str(mount.destination), 0, flags, data], { why: "remount" });
}

/**
 * tmpcopyup: a tmpfs which starts with what the directory holds. An overlay with its upper layer in the tmpfs gives that without copying:
 * files are copied when they are first written to.
 */
function mountWithCopyUp(c: MountContext, { mount, options }: ResolvedMount): void {
  const { init } = c;
  const at = mount.destination;
  const lower = init.sysResult("source", "openat", [
    AT.FDCWD,
    init.str(at),
    O.PATH | O.CLOEXEC | openFlags(c.resolved.arch).DIRECTORY,
    0,
  ]);
  // A link to a descriptor of ours would show the host's files.
  init.sys("fchdir", [lower]);
  expectInside(init, at);
  init.sys("dup3", [lower, FIXED_FD.LOWER, O.CLOEXEC]);
  const data = labelledData(c, "tmpfs", options.data);
  init.sys("mount", [init.str("tmpfs"), init.str(at), init.str("tmpfs"), options.flagsSet, data], {
    why: "mount tmpfs",
  });
  enterDirectory(init, at, "enter the tmpfs");
  for (const name of ["upper", "work"]) init.sys("mkdirat", [AT.FDCWD, init.str(name), 0o755]);
  init.sys("fchdir", [c.proc]);
  const layers = `lowerdir=self/fd/${FIXED_FD.LOWER},upperdir=${at}/upper,workdir=${at}/work${c.resolved.created.has("user") ? ",userxattr" : ""}`;
  init.sys(
    "mount",
    [init.str("overlay"), init.str(at), init.str("overlay"), options.flagsSet, labelledData(c, "overlay", layers)],
    {
      why: "mount the copy-up overlay",
    },
  );
  init.sys("close", [lower]);
  init.sys("close", [FIXED_FD.LOWER], { tolerate: [E.EBADF] });
}
