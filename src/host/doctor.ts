import { errnoName, type KernelFeatures } from "../linux/index.ts";
import type { Facts } from "./facts.ts";

/** One thing that a machine can or cannot do. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly available: boolean;
  /** What was found. */
  readonly detail: string;
  /** What cannot be done without it. */
  readonly cost?: string;
  /** How to get it. */
  readonly remedy?: string;
}

export interface HostFeatures {
  readonly kernel: KernelFeatures;
  readonly caller: { readonly uid: number; readonly gid: number; readonly privileged: boolean };
  /** Containers can be run here by this user. */
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** What the facts mean for somebody who wants to run containers. */
export function diagnose(facts: Facts): HostFeatures {
  const { features, caller } = facts;
  const ok = caller.privileged || (facts.userNamespace === 0 && facts.mountInUserNamespace === 0);
  const checks = [
    userNamespaces(facts),
    ...mountsInUserNamespaces(facts),
    ...namespaceChecks(facts),
    idRanges(facts),
    ...kernelCalls(facts),
    ...security(facts),
    ...limits(facts),
    ...filesystems(facts),
  ];
  return { kernel: features, caller: { uid: caller.uid, gid: caller.gid, privileged: caller.privileged }, ok, checks };
}

const works = (errno: number) => (errno === 0 ? "works (tried)" : `fails with ${errnoName(errno)} (tried)`);

function userNamespaces(facts: Facts): Check {
  const available = facts.userNamespace === 0;
  const cost = facts.caller.privileged
    ? "the sandbox, and containers whose root is not the host's"
    : "containers as an ordinary user";
  const check = { id: "user-namespaces", title: "User namespaces", available, detail: works(facts.userNamespace) };
  return available ? check : { ...check, cost, remedy: whoForbids(facts) };
}

/** Who stands in the way, and what to do about it. */
export function whoForbids(facts: Pick<Facts, "sysctls" | "container" | "namespaces">): string {
  const { sysctls, container, namespaces } = facts;
  if (!namespaces.user) return "a kernel with CONFIG_USER_NS";
  if (sysctls["user.max_user_namespaces"] === "0")
    return "the administrator set user.max_user_namespaces to 0: sysctl user.max_user_namespaces=10000";
  if (sysctls["kernel.unprivileged_userns_clone"] === "0")
    return "Debian's switch is off: sysctl kernel.unprivileged_userns_clone=1";
  if (sysctls["kernel.apparmor_restrict_unprivileged_userns"] === "1") {
    return "AppArmor restricts them (Ubuntu): give the program a profile with `userns,`, or sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  }
  if (container)
    return `this is ${container}: the outer one must allow it, as with docker run --security-opt seccomp=unconfined`;
  return "nothing is known to forbid them: perhaps a security module, or a chroot, in which they cannot be made";
}

function mountsInUserNamespaces(facts: Facts): Check[] {
  const check = (id: string, title: string, errno: number, cost: string, remedy: string): Check => {
    const found = { id, title, available: errno === 0, detail: works(errno) };
    return errno === 0 ? found : { ...found, cost, remedy };
  };
  const masked = "an outer container must not hide parts of /proc (docker run --security-opt systempaths=unconfined)";
  return [
    check(
      "mount",
      "Mounting in a user namespace",
      facts.mountInUserNamespace,
      "roots and mounts as an ordinary user",
      whoForbids(facts),
    ),
    check(
      "proc",
      "Mounting /proc in a user namespace",
      facts.procInUserNamespace,
      "a /proc of the container's own processes",
      masked,
    ),
    check(
      "overlay",
      "overlayfs in a user namespace",
      facts.overlayInUserNamespace,
      "overlay roots and the host's root as an ordinary user",
      "Linux 5.11, or the fuseOverlay driver",
    ),
  ];
}

function namespaceChecks(facts: Facts): Check[] {
  const since: Readonly<Record<string, string>> = { cgroup: "Linux 4.6", time: "Linux 5.6" };
  return Object.entries(facts.namespaces)
    .filter(([name]) => name !== "user")
    .map(([name, available]) => {
      const check = {
        id: `namespace-${name}`,
        title: `Namespace: ${name}`,
        available,
        detail: available ? "present" : "missing",
      };
      const remedy = `${since[name] ?? "a kernel"} with its CONFIG_${name.toUpperCase()}_NS option`;
      return available ? check : { ...check, cost: `namespaces: ["${name}"]`, remedy };
    });
}

function idRanges({ caller, programs }: Facts): Check {
  const title = "More ids than one's own";
  if (caller.privileged) return { id: "id-ranges", title, available: true, detail: "root may map any" };
  const helpers = programs.newuidmap !== undefined && programs.newgidmap !== undefined;
  const ranges = caller.subordinate.uid.length > 0 && caller.subordinate.gid.length > 0;
  const detail = `newuidmap ${helpers ? "installed" : "missing"}, ranges in /etc/subuid and /etc/subgid ${ranges ? "present" : "missing"}`;
  if (helpers && ranges) return { id: "id-ranges", title, available: true, detail };
  const remedy = helpers
    ? "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
    : "install the package uidmap (shadow-utils)";
  return {
    id: "id-ranges",
    title,
    available: false,
    detail,
    cost: "several users in one container (apt, services)",
    remedy,
  };
}

function kernelCalls({ features }: Facts): Check[] {
  const call = (id: string, available: boolean, since: readonly [number, number], cost: string): Check => {
    const [major, minor] = since;
    const hidden = !available && (features.major > major || (features.major === major && features.minor >= minor));
    const detail = available ? "present" : hidden ? "hidden, probably by a seccomp filter" : "missing";
    const check = { id, title: id, available, detail };
    return available
      ? check
      : { ...check, cost, remedy: hidden ? "an outer container that allows it" : `Linux ${major}.${minor}` };
  };
  const older = "nothing: older calls do the same, a little slower";
  return [
    call("clone3", features.clone3, [5, 3], "time namespaces made with the process; else nothing"),
    call("open_tree, move_mount", features.openTree, [5, 2], older),
    call(
      "mount_setattr",
      features.mountSetattr,
      [5, 12],
      "idmapped mounts; recursive attributes are set mount by mount",
    ),
    call("close_range", features.closeRange, [5, 11], older),
  ];
}

function security({ features, seccompActions, apparmor, selinux }: Facts): Check[] {
  const seccomp = seccompActions.includes("errno");
  const landlock = features.landlockAbi > 0;
  const module = (name: string, available: boolean): Check => {
    const check = { id: name.toLowerCase(), title: name, available, detail: available ? "enabled" : "not enabled" };
    return available
      ? check
      : { ...check, cost: `labels of ${name}; nothing else`, remedy: `a system that boots with ${name}` };
  };
  return [
    seccomp
      ? { id: "seccomp", title: "seccomp filters", available: true, detail: seccompActions.join(" ") }
      : {
          id: "seccomp",
          title: "seccomp filters",
          available: false,
          detail: "missing",
          cost: "the default profile and all others",
          remedy: "a kernel with CONFIG_SECCOMP_FILTER",
        },
    landlock
      ? { id: "landlock", title: "Landlock", available: true, detail: `ABI ${features.landlockAbi}` }
      : {
          id: "landlock",
          title: "Landlock",
          available: false,
          detail: "missing",
          cost: 'isolation "landlock"',
          remedy: "Linux 5.13 with lsm=...,landlock",
        },
    module("AppArmor", apparmor),
    module("SELinux", selinux),
  ];
}

function limits({ cgroups, caller }: Facts): Check[] {
  return (["memory", "pids"] as const).map((controller) => {
    const available = cgroups[controller];
    const check = {
      id: `cgroup-${controller}`,
      title: `cgroup: ${controller}`,
      available,
      detail: available ? "can be made" : "cannot be made",
    };
    const remedy = caller.privileged
      ? `mount a cgroup hierarchy with ${controller}`
      : "a delegated cgroup (systemd: Delegate=yes)";
    return available
      ? check
      : {
          ...check,
          cost: "limits of all processes together; resource limits of each process are used instead",
          remedy,
        };
  });
}

function filesystems({ loopControl, fuseDevice, programs }: Facts): Check[] {
  const fuse = fuseDevice && programs["fuse-overlayfs"] !== undefined;
  const loop: Check = {
    id: "loop",
    title: "Loop devices",
    available: loopControl,
    detail: loopControl ? "may be used" : "may not be used",
  };
  const overlay: Check = {
    id: "fuse-overlayfs",
    title: "fuse-overlayfs",
    available: fuse,
    detail: fuse ? "installed, with /dev/fuse" : "missing, or no access to /dev/fuse",
  };
  return [
    loopControl ? loop : { ...loop, cost: "roots that are filesystems in a file", remedy: "run as root" },
    fuse
      ? overlay
      : { ...overlay, cost: "the fuseOverlay driver, only needed on older kernels", remedy: "install fuse-overlayfs" },
  ];
}
