import { AT, E, MNT, MS, O, openFlags } from "../linux/index.ts";
import type { BlockBuilder, Register } from "../program/index.ts";
import { setReadonly } from "./attributes.ts";
import type { Context } from "./context.ts";

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
  const { init, resolved: r } = c;
  if (!roots) return;
  // The root of the process must be the host's for a moment (it follows no path of the container): pivot_root works on it, and so does "/".
  init.at("root").sys("fchdir", [roots.old]);
  init.sys("chroot", [init.str(".")]);
  init.sys("fchdir", [roots.own]);
  if (r.rootMode === "move") moveRoot(c);
  else pivotRoot(init, roots);
  init.sys("chdir", [init.str("/")]);
  init.sys("close", [roots.old]);
  init.sys("close", [roots.own]);
}

function pivotRoot(init: BlockBuilder, { old }: Roots): void {
  // Both arguments ".": the old root ends up over the new one, at the same place (pivot_root(2), "NOTES").
  init.sys("pivot_root", [init.str("."), init.str(".")], { why: "make the root the mount namespace's" });
  init.sys("fchdir", [old]);
  init.sys("umount2", [init.str("."), MNT.DETACH], { why: "leave the host's root" });
}

/** What is moved onto "/" lies over the root of the process, which paths do not see until the chroot: so these are the host's still, and all of them. */
function moveRoot({ init, resolved: { kernelViews = [] } }: Context): void {
  init.sys("mount", [init.str("."), init.str("/"), 0, MS.MOVE, 0], { why: "move the root onto /" });
  for (const path of new Set(kernelViews)) {
    hideKernelView(init, path, kernelViews.filter((one) => one === path).length);
  }
  init.sys("chroot", [init.str(".")], { why: "enter the root" });
}

/**
 * The host's tree stays mounted below a moved root, and whoever makes a user namespace in the container may mount a bare procfs as long as a whole one without
 * masks is mounted anywhere in his mount namespace, though no path leads there (mount_namespaces(7); the kernel's mnt_already_visible).
 */
function hideKernelView(init: BlockBuilder, path: string, times: number): void {
  const place = init.str(path);
  const cover = init.label();
  const done = init.label();
  for (let time = 0; time < times; time++) {
    init.sys("umount2", [place, MNT.DETACH], {
      jump: { on: [E.EINVAL, E.EPERM], to: cover },
      why: "unmount the host's",
    });
  }
  init.jump(done);
  init.place(cover);
  // In a user namespace the mounts that it began with are locked together, and what is locked below another mount counts as hidden.
  const flags = MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC;
  const data = init.str("nr_inodes=2,mode=755");
  init.sys("mount", [init.str("tmpfs"), place, init.str("tmpfs"), flags, data], { why: "cover the host's" });
  init.place(done);
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
