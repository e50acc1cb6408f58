import {
  AT,
  E,
  FSCONFIG,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  LO_FLAGS,
  LOOP,
  MNT,
  MOUNT_ATTR,
  MOVE_MOUNT,
  MS,
  O,
  openFlags,
  S,
} from "../linux/index.ts";
import type { BlockBuilder, DataRef, Register } from "../program/index.ts";
import type { MountTree, RootPlan, RootStep } from "../spec/index.ts";
import { type Context, lend } from "./context.ts";

/** What rootfsPropagation asks for; a slave at first, so that nothing done here reaches the host. */
const PROPAGATION = { private: MS.PRIVATE, slave: MS.SLAVE, shared: MS.SHARED, unbindable: MS.UNBINDABLE } as const;

/** The first act in a new mount namespace: cut it off from the host's. */
export function isolateMounts(block: BlockBuilder, c: Context): void {
  if (!c.resolved.created.has("mount")) return;
  const wanted = c.resolved.spec.rootfsPropagation;
  const flags = MS.REC | (wanted === "private" ? MS.PRIVATE : MS.SLAVE);
  block
    .at(wanted ? "rootfsPropagation" : "namespaces")
    .sys("mount", [0, block.str("/"), 0, flags, 0], { why: "cut off the mounts" });
}

/** Runs the driver's steps, so that the root stands as a mount point somewhere in the host's tree of this namespace. */
export function buildRoot(c: Context): void {
  const { resolved: r, rootBlock } = c;
  rootBlock.at("root");
  for (const step of r.root?.steps ?? []) ROOT_STEPS[step.do](c, rootBlock, step as never);
  if (r.root) closeDeviceNodes(c, r.root);
}

/**
 * A specification that lists devices means these and no others: device nodes that an image brings along (such as the machine's disk) shall not open. Nodes that
 * are to be made on the root itself, not on a mount of /dev, need it open.
 */
function closeDeviceNodes(c: Context, root: RootPlan): void {
  const { resolved: r, rootBlock } = c;
  const { devices } = r.spec;
  const mounted = (path: string) => r.mounts.some(({ mount }) => path.startsWith(`${mount.destination}/`));
  if (!devices || root.steps.length === 0 || !devices.every(({ path }) => mounted(path))) return;
  rootBlock.at("devices");
  if (r.features.mountSetattr) {
    setAttributes(rootBlock, AT.FDCWD, root.path, true, MOUNT_ATTR.NODEV, 0);
    return;
  }
  const top = root.steps.findLast((step) => "target" in step && step.target === root.path);
  const tree = top?.do === "bind" ? top.tree : undefined;
  const flags = top?.do === "mount" ? (top.flags ?? 0) : (tree?.flags ?? 0);
  const readonly = top?.do === "bind" && top.readonly ? MS.RDONLY : 0;
  remountTree(rootBlock, root.path, { flags, below: tree?.below ?? [] }, MS.NODEV | readonly, 0);
}

const ROOT_STEPS: {
  readonly [K in RootStep["do"]]: (c: Context, block: BlockBuilder, step: Extract<RootStep, { do: K }>) => void;
} = {
  mount(_c, block, step) {
    const data = step.data === undefined ? 0 : block.str(step.data);
    block.sys("mount", [block.str(step.source), block.str(step.target), block.str(step.type), step.flags ?? 0, data]);
  },
  bind(c, block, step) {
    const flags = MS.BIND | (step.recursive ? MS.REC : 0);
    block.sys("mount", [block.str(step.source), block.str(step.target), 0, flags, 0]);
    if (step.readonly) setReadonly(c, block, step.target, step.recursive, step.tree);
  },
  mkdir(_c, block, step) {
    block.sys("mkdirat", [AT.FDCWD, block.str(step.path), step.mode], { tolerate: [E.EEXIST] });
  },
  file(_c, block, step) {
    block.sys("mknodat", [AT.FDCWD, block.str(step.path), S.IFREG | 0o644, 0], { tolerate: [E.EEXIST] });
  },
  symlink(_c, block, step) {
    block.sys("symlinkat", [block.str(step.target), AT.FDCWD, block.str(step.path)]);
  },
  image(c, block, step) {
    if (c.resolved.created.has("user")) attachMountedImage(c, block, step);
    else mountImage(c, block, step);
  },
  helper(c, block, step) {
    runHelper(c, block, step.args);
  },
};

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

/** LOOP_CTL_GET_FREE only suggests a device; another process may take it first, so several are tried. */
const LOOP_ATTEMPTS = 8;

/** Attaches the file to a free loop device that detaches itself with its last user (loop(4)); returns the device's path. */
function attachLoop(c: Context, block: BlockBuilder, step: Extract<RootStep, { do: "image" }>): DataRef {
  const { program } = c;
  const mode = step.readonly ? O.RDONLY : O.RDWR;
  const file = block.sysResult("image", "openat", [AT.FDCWD, block.str(step.file), mode | O.CLOEXEC, 0]);
  const control = block.sysResult("loop_control", "openat", [
    AT.FDCWD,
    block.str("/dev/loop-control"),
    O.RDWR | O.CLOEXEC,
    0,
  ]);
  const path = program.memory.bytes(new TextEncoder().encode("/dev/loop".padEnd(24, "\0")));
  const number = program.register("loop_number");
  const device = program.register("loop");
  const config = program.memory.zeroed(304);
  const flags = LO_FLAGS.AUTOCLEAR | (step.readonly ? LO_FLAGS.READ_ONLY : 0);
  const attached = block.label();
  for (let attempt = 1; attempt <= LOOP_ATTEMPTS; attempt++) {
    const next = block.label();
    block.sys("ioctl", [control, LOOP.CTL_GET_FREE, 0], { dst: number });
    block.decimal(block.memory.at(path, 9), number, 12);
    block.sys("openat", [AT.FDCWD, path, mode | O.CLOEXEC, 0], { dst: device });
    block.store(config, file, 4);
    // struct loop_config: fd, block_size, then loop_info64, whose lo_flags are at offset 52.
    block.store(block.memory.at(config, 8 + 52), flags, 4);
    const retry = attempt < LOOP_ATTEMPTS ? { jump: { on: [E.EBUSY], to: next } } : {};
    block.sys("ioctl", [device, LOOP.CONFIGURE, config], { ...retry, why: "attach the image to a loop device" });
    block.jump(attached);
    block.place(next);
    if (attempt < LOOP_ATTEMPTS) block.sys("close", [device]);
  }
  block.place(attached);
  block.sys("close", [file]);
  block.sys("close", [control]);
  return path;
}

function mountImage(c: Context, block: BlockBuilder, step: Extract<RootStep, { do: "image" }>): void {
  const device = attachLoop(c, block, step);
  const flags = step.readonly ? MS.RDONLY : 0;
  block.sys("mount", [device, block.str(step.target), block.str(step.type), flags, 0], { why: `mount ${step.file}` });
  block.sys("close", [block.program.register("loop")]);
}

/** Disk filesystems cannot be mounted in a user namespace: the monitor mounts it, detached, and the set-up puts the mount in its place. */
function attachMountedImage(c: Context, block: BlockBuilder, step: Extract<RootStep, { do: "image" }>): void {
  const { monitor } = c;
  const member = monitor.member;
  monitor.at("root");
  const device = attachLoop(c, monitor, step);
  const context = monitor.sysResult("fscontext", "fsopen", [monitor.str(step.type), FSOPEN_CLOEXEC]);
  monitor.sys("fsconfig", [context, FSCONFIG.SET_STRING, monitor.str("source"), device, 0]);
  if (step.readonly) monitor.sys("fsconfig", [context, FSCONFIG.SET_FLAG, monitor.str("ro"), 0, 0]);
  monitor.sys("fsconfig", [context, FSCONFIG.CMD_CREATE, 0, 0, 0], { why: `mount ${step.file}` });
  const attributes = step.readonly ? MOUNT_ATTR.RDONLY : 0;
  const mount = monitor.sysResult("image_mount", "fsmount", [context, FSMOUNT_CLOEXEC, attributes]);
  monitor.sys("close", [context]);
  monitor.sys("close", [c.program.register("loop")]);
  const slot = lend(c, mount);
  monitor.at(member);
  const flags = MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_SYMLINKS;
  block.load(mount, slot, 4);
  block.sys("move_mount", [mount, block.str(""), AT.FDCWD, block.str(step.target), flags]);
}

/** Executes a mounting helper in the stage and waits until it has put itself into the background. */
function runHelper(c: Context, block: BlockBuilder, args: readonly string[]): void {
  const path = args[0] ?? "";
  const helper = c.program.block(path.slice(path.lastIndexOf("/") + 1));
  helper
    .at("root")
    .sys("execve", [helper.str(path), helper.memory.strings(args), helper.memory.strings(["PATH=/usr/bin:/bin"])]);
  const pid = c.program.register("helper");
  block.spawn(helper, { flags: 17 }, { dst: pid });
  const status = c.program.memory.zeroed(8);
  block.sys("wait4", [pid, status, 0, 0]);
  const code = c.program.register("status");
  block.load(code, status, 4);
  block.expect(code, 0, E.EIO, `${args.join(" ")} failed`);
}

/** Descriptors of the host's root and of the container's, between `enterRoot` and `leaveOldRoot`. */
export interface Roots {
  readonly old: Register;
  readonly own: Register;
}

/**
 * Makes the built root "/". The host's tree stays until `leaveOldRoot`, but no path leads there: after pivot_root it would lie *over* the new root, where
 * ".." in "/" finds it (path_resolution(7) follows mounts on the parent), so an image's link to "/../etc" would reach the host. Behind chroot it does not.
 */
export function enterRoot(c: Context): Roots | undefined {
  const { init, resolved: r } = c;
  if (!r.root) return undefined;
  const path = init.str(r.root.path);
  init.at("root");
  if (r.rootMode === "chroot") {
    init.sys("chdir", [path]);
    changeRoot(init);
    return undefined;
  }
  const directory = O.PATH | O.CLOEXEC | openFlags(r.arch).DIRECTORY;
  if (r.spec.rootfsPropagation === "shared") {
    // pivot_root(2) refuses a root whose parent mount is shared: a private mount of it goes between.
    init.sys("mount", [0, path, 0, MS.PRIVATE, 0]);
    init.sys("mount", [path, path, 0, MS.BIND | MS.REC, 0]);
  }
  if (r.rootMode === "move") {
    init.sys("chdir", [path]);
    init.sys("mount", [init.str("."), init.str("/"), 0, MS.MOVE, 0], { why: "move the root onto /" });
    changeRoot(init);
    return undefined;
  }
  const old = init.sysResult("old_root", "openat", [AT.FDCWD, init.str("/"), directory, 0]);
  const own = init.sysResult("own_root", "openat", [AT.FDCWD, path, directory, 0]);
  init.sys("fchdir", [own]);
  changeRoot(init);
  return { old, own };
}

function changeRoot(block: BlockBuilder): void {
  block.sys("chroot", [block.str(".")], { why: "enter the root" });
  block.sys("chdir", [block.str("/")]);
}

/** Gives up the host's tree: from here on the container's root is all there is. */
export function leaveOldRoot(c: Context, roots: Roots | undefined): void {
  const { init } = c;
  if (!roots) return;
  // pivot_root works on the root of the process, which must be the host's for a moment (it follows no path of the container).
  init.at("root").sys("fchdir", [roots.old]);
  init.sys("chroot", [init.str(".")]);
  init.sys("fchdir", [roots.own]);
  // Both arguments ".": the old root ends up over the new one, at the same place (pivot_root(2), "NOTES").
  init.sys("pivot_root", [init.str("."), init.str(".")], { why: "make the root the mount namespace's" });
  init.sys("fchdir", [roots.old]);
  init.sys("umount2", [init.str("."), MNT.DETACH], { why: "leave the host's root" });
  init.sys("chdir", [init.str("/")]);
  init.sys("close", [roots.old]);
  init.sys("close", [roots.own]);
}

/** What can only be done to "/" when nothing lies over it any more. */
export function finishRoot(c: Context): void {
  const { init, resolved: r } = c;
  if (!r.created.has("mount")) return;
  const propagation = r.spec.rootfsPropagation;
  const explicit = r.mounts.some(({ options }) => options.propagation !== 0);
  init.at(propagation ? "rootfsPropagation" : "root");
  const flags = PROPAGATION[propagation ?? "private"] | (explicit || propagation ? 0 : MS.REC);
  init.sys("mount", [0, init.str("/"), 0, flags, 0], { why: "set the propagation" });
  for (const { member, mount, options } of explicit || propagation ? r.mounts : []) {
    const own = options.propagation || MS.REC | MS.PRIVATE;
    init
      .at(`${member}.options`)
      .sys("mount", [0, init.str(mount.destination), 0, own, 0], { why: "set the propagation" });
  }
  if (r.spec.readonlyRoot) setReadonly(c, init.at("readonlyRoot"), "/", false);
}
