import { existsSync, type Stats, statSync } from "node:fs";
import { compileDefaultSeccomp, compileSeccomp, type Resolved, type Stdio } from "../compile/index.ts";
import { invalid, LibctError } from "../errors.ts";
import { hostArch } from "../executor/index.ts";
import { dir } from "../fs/index.ts";
import { type KernelFeatures, makedev } from "../linux/index.ts";
import type { ContainerSpec, Device, Landlock, NamespaceType, ProcessSpec, RootPlan, User } from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import { resolveCgroups } from "./cgroups.ts";
import { resolveIdMaps } from "./idmaps.ts";
import { resolveMounts } from "./resolve-mounts.ts";
import { unsupported } from "./unsupported.ts";

export interface Surroundings {
  readonly features: KernelFeatures;
  readonly caller: Caller;
  /** Directory that root drivers build in. */
  readonly scratch: string;
}

export interface Streams {
  readonly stdin: Stdio;
  readonly stdout: Stdio;
  readonly stderr: Stdio;
}

/** Looks up on the machine what the compiler must know; refuses what cannot work before anything is made. */
export async function resolveContainer(
  spec: ContainerSpec,
  process: ProcessSpec,
  streams: Streams,
  { features, caller, scratch }: Surroundings,
): Promise<Resolved> {
  const { created, joined } = splitNamespaces(spec);
  requireFeatures(created, features);
  const idMaps = created.has("user") ? resolveIdMaps(spec, caller) : undefined;
  const root = await planRoot(spec, { features, caller, scratch }, created);
  const mayMakeNodes = caller.privileged && caller.initialUserNamespace && !created.has("user");
  if (!mayMakeNodes) requireHostDevices(spec.devices ?? []);
  requireLabels(process);
  if (process.landlock) requireLandlock(process.landlock, features.landlockAbi);
  return {
    arch: hostArch(),
    features,
    spec,
    process,
    created,
    joined,
    idMaps,
    rootMode: spec.rootMode ?? (created.has("mount") ? "pivot" : "chroot"),
    root,
    mounts: resolveMounts(spec, caller, features, created),
    cgroups: resolveCgroups(spec.resources),
    user: resolveUser(process.user),
    seccomp: resolveSeccomp(spec, process, features),
    ...streams,
    mayMakeNodes,
  };
}

function splitNamespaces(spec: ContainerSpec): { created: Set<NamespaceType>; joined: Map<NamespaceType, string> } {
  const created = new Set<NamespaceType>();
  const joined = new Map<NamespaceType, string>();
  (spec.namespaces ?? []).forEach((namespace, index) => {
    if (typeof namespace === "string") created.add(namespace);
    else if (namespace.path === undefined) created.add(namespace.type);
    else {
      if (!existsSync(namespace.path)) {
        throw invalid(
          `namespaces[${index}].path`,
          namespace.path,
          "a namespace file that exists, such as /proc/PID/ns/net",
        );
      }
      joined.set(namespace.type, namespace.path);
    }
  });
  refuseUnjoinable(spec, created, joined);
  return { created, joined };
}

/** setns(2) wants CAP_SYS_ADMIN in the user namespace that owns the other one, and nobody in a new one has that. */
function refuseUnjoinable(
  spec: ContainerSpec,
  created: ReadonlySet<NamespaceType>,
  joined: ReadonlyMap<NamespaceType, string>,
): void {
  if (!created.has("user")) return;
  for (const type of ["mount", "pid"] as const) {
    // A pid namespace is joined for the children of who joins it, and with a time namespace there is another generation of them.
    if (!joined.has(type) || (type === "pid" && !created.has("time"))) continue;
    const index = spec.namespaces?.findIndex((namespace) => typeof namespace === "object" && namespace.type === type);
    const expected = `no path, since an older ${type} namespace cannot be joined from a new user namespace`;
    throw invalid(
      `namespaces[${index}].path`,
      joined.get(type),
      expected,
      "join the user namespace of the same process too",
    );
  }
}

function requireFeatures(created: ReadonlySet<NamespaceType>, features: KernelFeatures): void {
  if (created.has("time") && !features.timeNamespace) {
    throw unsupported(
      "this kernel has no time namespaces",
      "namespaces",
      "they came with Linux 5.6, as CONFIG_TIME_NS",
    );
  }
  if (created.has("cgroup") && !features.cgroupNamespace) {
    throw unsupported("this kernel has no cgroup namespaces", "namespaces", "they came with Linux 4.6");
  }
}

/** In a user namespace a device is the host's own one of the same path, which must be the one that is wanted. */
function requireHostDevices(devices: readonly Device[]): void {
  devices.forEach(({ path, type, major = 0, minor = 0 }, index) => {
    if (type === "p") return;
    const stat = statIfPossible(path);
    const sameType = type === "b" ? stat?.isBlockDevice() : stat?.isCharacterDevice();
    if (sameType && stat?.rdev === makedev(major, minor)) return;
    throw new LibctError(
      "ERR_CT_NOT_PERMITTED",
      `the host has no device ${major}:${minor} at ${path}, and nobody may make one in a user namespace`,
      { path, member: `devices[${index}]` },
    );
  });
}

function statIfPossible(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // Not there, or not for this user: then not for the container either.
  }
}

async function planRoot(
  spec: ContainerSpec,
  { features, caller, scratch }: Surroundings,
  created: ReadonlySet<NamespaceType>,
): Promise<RootPlan | undefined> {
  if (spec.root === undefined) return undefined;
  const driver = typeof spec.root === "string" ? dir(spec.root) : spec.root;
  const plan = await driver.plan({
    scratch,
    uid: caller.uid,
    // An application in a user namespace itself has the same limits.
    userNamespace: created.has("user") || !caller.initialUserNamespace,
    overlayInUserNamespace: features.overlayInUserNamespace,
    mountSetattr: features.mountSetattr,
    readonly: spec.readonlyRoot ?? false,
  });
  if (plan.steps.some((step) => step.do === "image") && created.has("user") && !features.fsopen) {
    throw unsupported("this kernel cannot mount an image for a user namespace", "root", "fsopen came with Linux 5.2");
  }
  if (created.has("mount")) return plan;
  // A plain chroot: nothing may be mounted, so only a root that needs no mounting will do.
  const onItself = plan.steps.every((step) => step.do === "bind" && step.source === step.target);
  if (!onItself) {
    throw invalid(
      "root",
      driver.type,
      "a plain directory, since there is no mount namespace",
      'add "mount" to namespaces',
    );
  }
  return { path: plan.path, steps: [] };
}

/** "1000", "1000:100" are ids; anything else is a name for the container's own passwd. */
function resolveUser(user: ProcessSpec["user"]): User | string | undefined {
  if (user === undefined) return undefined;
  if (typeof user !== "string") return user;
  const ids = /^(\d+)(?::(\d+))?$/.exec(user);
  if (!ids) return user;
  const uid = Number(ids[1]);
  return { uid, gid: ids[2] === undefined ? 0 : Number(ids[2]) };
}

function resolveSeccomp(spec: ContainerSpec, process: ProcessSpec, features: KernelFeatures): Resolved["seccomp"] {
  const { seccomp = "unconfined" } = spec;
  if (seccomp === "unconfined") return undefined;
  if (seccomp === "default") return compileDefaultSeccomp(hostArch(), process.capabilities?.bounding ?? [], features);
  try {
    const { filter, flags, notify } = compileSeccomp(seccomp, hostArch());
    if (notify) throw unsupported("SCMP_ACT_NOTIFY has no listener here yet", "seccomp", "use SCMP_ACT_ERRNO");
    return { filter, flags };
  } catch (cause) {
    if (cause instanceof LibctError) throw cause;
    throw new LibctError("ERR_CT_INVALID_SPEC", cause instanceof Error ? cause.message : String(cause), {
      member: "seccomp",
      cause,
    });
  }
}

/** Everything that is not listed is refused, or the container is: an older Landlock would let some of it through. */
function requireLandlock({ bindTcp, connectTcp }: Landlock, abi: number): void {
  const member = "process.landlock";
  if (abi === 0) {
    throw unsupported(
      "Landlock is not available",
      member,
      "it needs Linux 5.13 and lsm=...,landlock on the kernel's command line",
    );
  }
  if (abi < 3) throw unsupported("this kernel's Landlock lets files be truncated", member, "it needs Linux 6.2");
  if (abi < 4 && (bindTcp || connectTcp)) {
    throw unsupported(
      "this kernel's Landlock knows no ports",
      `${member}.${bindTcp ? "bindTcp" : "connectTcp"}`,
      "it needs Linux 6.7",
    );
  }
}

function requireLabels(process: ProcessSpec): void {
  if (process.apparmorProfile && !existsSync("/sys/kernel/security/apparmor")) {
    throw unsupported(
      "AppArmor is not enabled on this machine",
      "process.apparmorProfile",
      "leave the profile out, or boot with AppArmor",
    );
  }
  if (process.selinuxLabel && !existsSync("/sys/fs/selinux/enforce")) {
    throw unsupported(
      "SELinux is not enabled on this machine",
      "process.selinuxLabel",
      "leave the label out, or boot with SELinux",
    );
  }
}
