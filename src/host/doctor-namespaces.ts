import { type Check, check, trial } from "./check.ts";
import type { Facts } from "./facts.ts";
import { whoForbids } from "./who-forbids.ts";

export function userNamespaces(facts: Facts): Check {
  const cost = facts.caller.privileged
    ? "the sandbox, and containers whose root is not the host's"
    : "containers as an ordinary user";
  const remedy = whoForbids(facts, facts.tried.userNamespace);
  return check({ id: "user-namespaces", title: "User namespaces", ...trial(facts.tried.userNamespace), cost, remedy });
}

const UNMASK = "an outer container must not hide parts of /proc (docker run --security-opt systempaths=unconfined)";

export function mountsInUserNamespaces(facts: Facts): Check[] {
  const { tried, caller } = facts;
  const inside = {
    id: "mount",
    title: "Mounting in a user namespace",
    ...trial(tried.mountInUserNamespace),
    cost: "roots and mounts as an ordinary user",
    remedy: whoForbids(facts, tried.mountInUserNamespace),
  };
  const proc = {
    id: "proc",
    title: "Mounting /proc in a user namespace",
    ...trial(tried.procInUserNamespace),
    cost: "a /proc of the container's own processes",
    remedy: tried.mountInUserNamespace === 0 ? UNMASK : inside.remedy,
  };
  const overlay = {
    id: "overlay",
    title: "overlayfs in a user namespace",
    ...trial(tried.overlayInUserNamespace),
    cost: "overlay roots and the host's root as an ordinary user",
    remedy: "Linux 5.11 with CONFIG_OVERLAY_FS, or the fuseOverlay driver",
  };
  const own = {
    id: "mount-as-root",
    title: "Mounting as root",
    ...trial(tried.mount),
    cost: "all containers of this user",
    remedy: "an outer container that lets its root mount, as with docker run --privileged",
  };
  return [...(caller.privileged ? [own] : []), inside, proc, overlay].map(check);
}

const CONFIG: Readonly<Record<string, string>> = {
  pid: "CONFIG_PID_NS",
  network: "CONFIG_NET_NS",
  ipc: "CONFIG_IPC_NS",
  uts: "CONFIG_UTS_NS",
  cgroup: "Linux 4.6 and CONFIG_CGROUPS",
  time: "Linux 5.6 and CONFIG_TIME_NS",
};

export function namespaces(facts: Facts): Check[] {
  const { tried, caller } = facts;
  return Object.entries(tried.namespaces).map(([type, errno]) => {
    const present = facts.namespaces.some((name) => name === type);
    const title = `Namespace: ${type}`;
    const cost = `namespaces: [${JSON.stringify(type)}]`;
    if (!present) {
      const remedy = `a kernel with ${CONFIG[type] ?? "namespaces"}`;
      return check({ id: `namespace-${type}`, title, available: false, detail: "the kernel has none", cost, remedy });
    }
    const forbidden = caller.privileged
      ? `user.max_${SHORT[type] ?? type}_namespaces above 0`
      : whoForbids(facts, errno);
    return check({ id: `namespace-${type}`, title, ...trial(errno), cost, remedy: forbidden });
  });
}

/** As the sysctls are called: user.max_mnt_namespaces. */
const SHORT: Readonly<Record<string, string>> = { mount: "mnt", network: "net" };

export function idRanges({ caller, programs }: Facts): Check {
  const title = "More ids than one's own";
  if (caller.privileged) return { id: "id-ranges", title, available: true, detail: "root may map any" };
  const helpers = programs.newuidmap !== undefined && programs.newgidmap !== undefined;
  const ranges = caller.subordinate.uid.length > 0 && caller.subordinate.gid.length > 0;
  return check({
    id: "id-ranges",
    title,
    available: helpers && ranges,
    detail: `newuidmap ${helpers ? "installed" : "missing"}, ranges in /etc/subuid and /etc/subgid ${ranges ? "present" : "missing"}`,
    cost: "several users in one container (apt, services)",
    remedy: helpers
      ? "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
      : "install the package uidmap (shadow-utils)",
  });
}
