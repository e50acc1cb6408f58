import { statSync } from "node:fs";
import { readView } from "../cgroup/index.ts";
import type { ResolvedMount } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { mountTree, readMountInfo } from "../fs/index.ts";
import { absolutePath, type KernelFeatures } from "../linux/index.ts";
import { type ContainerSpec, type Mount, type NamespaceType, parseMountOptions } from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import { unsupported } from "./unsupported.ts";

/** Looks at the sources of bind mounts, and reads the options of all. */
export function resolveMounts(
  spec: Pick<ContainerSpec, "mounts">,
  caller: Caller,
  features: KernelFeatures,
  created: ReadonlySet<NamespaceType> = new Set(),
  cgroups: readonly string[] = [],
): readonly ResolvedMount[] {
  const overlays = features.overlayInUserNamespace || (caller.initialUserNamespace && !created.has("user"));
  const own =
    created.has("cgroup") || !spec.mounts?.some(({ type }) => type === "cgroup") ? [] : shownCgroups(cgroups, created);
  return (spec.mounts ?? []).flatMap((mount, index) =>
    expandCgroup(mount, own).map((one) => {
      const member = `mounts[${index}]`;
      if (one.own !== undefined) return resolveOwnCgroup(one, one.own, member, features);
      const resolved = resolveMount(one, member, caller, features);
      // It is made by an overlay.
      if (!resolved.options.tmpcopyup || overlays) return resolved;
      const hint = "it takes overlays in user namespaces, which came with Linux 5.11";
      throw unsupported("this kernel has no tmpcopyup in user namespaces", `${resolved.member}.options`, hint);
    }),
  );
}

function resolveMount(mount: Mount, member: string, caller: Caller, features: KernelFeatures): ResolvedMount {
  const options = parseMountOptions(mount.options ?? [], `${member}.options`);
  const isBind = options.bind || mount.type === "bind";
  const idmapped = options.idmap !== "none" || mount.uidMappings !== undefined;
  if (idmapped && !caller.privileged) {
    throw new LibctError("ERR_CT_NOT_PERMITTED", "only root may make idmapped mounts", { member });
  }
  if (idmapped && !features.mountSetattr) {
    throw unsupported("this kernel has no idmapped mounts", member, "they came with Linux 5.12");
  }
  if (!isBind || options.remount) return { member, mount, options, source: undefined };
  const path = absolutePath(mount.source ?? "");
  const stat = statOrUndefined(path);
  if (!stat) {
    throw new LibctError("ERR_CT_INVALID_SPEC", `the bind source ${path} does not exist`, {
      path,
      member: `${member}.source`,
      errno: "ENOENT",
    });
  }
  const seen = { path, directory: stat.isDirectory() };
  const recursive = options.recursiveSet !== 0 || options.recursiveClear !== 0;
  const changes = recursive || options.flagsSet !== 0 || options.flagsClear !== 0;
  if (features.mountSetattr || !changes)
    return { member, mount: { ...mount, source: path }, options, source: { ...seen, flags: 0 } };
  const { flags, below } = mountTree(path);
  const tree = recursive && options.recursive ? { flags, below } : { flags };
  return { member, mount: { ...mount, source: path }, options, source: { ...seen, ...tree } };
}

/** Where this mount namespace has whole procfs and sysfs mounts: of those in one place the last one can be reached, and what lies in another goes first. */
export const kernelViews = (): readonly string[] =>
  readMountInfo()
    .filter(({ type, root }) => (type === "proc" || type === "sysfs") && root === "/")
    .map(({ mountPoint }) => mountPoint)
    .sort((one, other) => other.split("/").length - one.split("/").length);

/** A bind mount of a directory that the monitor will have made by then. */
function resolveOwnCgroup(
  { destination, options = [] }: Mount,
  path: string,
  member: string,
  { mountSetattr }: KernelFeatures,
): ResolvedMount {
  const mount = { destination, type: "bind", source: path, options: ["bind", ...options] };
  const source = { path, directory: true, flags: mountSetattr ? 0 : mountTree(path).flags };
  return { member, mount, options: parseMountOptions(mount.options, `${member}.options`), source };
}

function statOrUndefined(path: string) {
  try {
    return statSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new LibctError("ERR_CT_NOT_PERMITTED", `the bind source ${path} cannot be reached`, { path, cause });
  }
}

/**
 * Those that are shown by bind mounts where there is no cgroup namespace to show them: the container's, and its caller's where it has none of its own. Those of
 * version 2 only to a new user namespace, which has no right to mount cgroup2 for a cgroup namespace that is older (cgroup_init_fs_context in kernel/cgroup/cgroup.c).
 */
function shownCgroups(cgroups: readonly string[], created: ReadonlySet<NamespaceType>): readonly string[] {
  const shown = readView().layout.hierarchies.filter(({ version }) => version === 1 || created.has("user"));
  const callers = shown.flatMap(({ mountPoint, own }) => (own === undefined ? [] : [`${mountPoint}${own}`]));
  return [...cgroups.filter((path) => shown.some(({ mountPoint }) => path.startsWith(`${mountPoint}/`))), ...callers];
}

/** A mount; `own` is what it shows: the container's cgroup, which is not made yet. */
interface Expanded extends Mount {
  readonly own?: string;
}

const TMPFS_FLAGS = ["nosuid", "noexec", "nodev"];

/**
 * "cgroup" shows what the host has: one cgroup2 mount, or with v1 a directory with a mount for each hierarchy. Without a cgroup namespace those of v1 show the
 * cgroups that the container is in, as it would see them in one; so does that of v2 in a user namespace.
 */
function expandCgroup(mount: Mount, cgroups: readonly string[]): readonly Expanded[] {
  if (mount.type !== "cgroup") return [mount];
  const options = mount.options ?? [];
  const hierarchies = readMountInfo().filter(
    ({ type, mountPoint }) => type === "cgroup" && mountPoint.startsWith("/sys/fs/cgroup/"),
  );
  if (hierarchies.length === 0) {
    const [own] = cgroups;
    return [own === undefined ? { ...mount, type: "cgroup2", source: "cgroup" } : { ...mount, own }];
  }
  const base = { ...mount, type: "tmpfs", source: "tmpfs", options: [...TMPFS_FLAGS, "mode=755"] };
  const views = hierarchies.map(({ mountPoint }) => {
    const name = mountPoint.slice("/sys/fs/cgroup/".length);
    const controllers = name === "systemd" ? ["none", "name=systemd"] : [name];
    const destination = `${mount.destination}/${name}`;
    const path = cgroups.find((one) => `${one}/`.startsWith(`${mountPoint}/`));
    if (path !== undefined) return { destination, type: "bind", options, own: path };
    return {
      destination,
      type: "cgroup",
      source: "cgroup",
      options: [...options, ...controllers],
    };
  });
  // Not before the views have their places in it.
  const closed = { destination: mount.destination, options: ["remount", "bind", "ro", ...TMPFS_FLAGS] };
  return options.includes("ro") ? [base, ...views, closed] : [base, ...views];
}
