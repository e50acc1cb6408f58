import { type Check, check, trial } from "./check.ts";
import type { Access, Facts } from "./facts.ts";

export function limits(facts: Facts): Check[] {
  return [...(["memory", "pids", "cpu", "io"] as const).map((controller) => cgroup(facts, controller)), raising(facts)];
}

const LAYOUTS: Readonly<Record<Facts["cgroups"]["layout"], string>> = {
  none: "no cgroup filesystem is mounted",
  v1: "cgroups: version 1",
  hybrid: "cgroups: version 1, and version 2 beside it",
  v2: "cgroups: version 2",
};

function cgroup({ cgroups, caller }: Facts, controller: "memory" | "pids" | "cpu" | "io"): Check {
  const available = cgroups[controller];
  const layout = LAYOUTS[cgroups.layout];
  return check({
    id: `cgroup-${controller}`,
    title: `cgroup: ${controller}`,
    available,
    detail: `${available ? "can be made" : "cannot be made"} (${layout})`,
    cost:
      controller === "memory" || controller === "pids"
        ? "limits of all processes together; resource limits of each process are used instead"
        : `limits of ${controller === "cpu" ? "processor time" : "disk traffic"}`,
    remedy: caller.privileged
      ? `mount a cgroup hierarchy with ${controller}, writable`
      : "a delegated cgroup (systemd: Delegate=yes)",
  });
}

const raising = ({ sysResource, caller }: Facts): Check =>
  check({
    id: "raise-limits",
    title: "Raising limits",
    available: sysResource,
    detail: sysResource ? "CAP_SYS_RESOURCE" : "no CAP_SYS_RESOURCE",
    cost: "rlimits above the caller's own hard limits, and an oomScoreAdj below the caller's",
    remedy: caller.privileged ? "give the application CAP_SYS_RESOURCE" : "run as root",
  });

export function filesystems(facts: Facts): Check[] {
  return [loop(facts), idmapped(facts), fuse(facts), fuseOverlayfs(facts)];
}

const FOUND: Readonly<Record<Access, string>> = {
  allowed: "may be used",
  forbidden: "may not be used by this user",
  missing: "is missing",
};

const loop = ({ loopControl, caller }: Facts): Check =>
  check({
    id: "loop",
    title: "Loop devices",
    available: loopControl === "allowed" && caller.privileged,
    detail: `/dev/loop-control ${FOUND[loopControl === "allowed" && !caller.privileged ? "forbidden" : loopControl]}`,
    cost: "roots that are filesystems in a file",
    remedy:
      loopControl === "missing" ? "load the module loop, and let the device into an outer container" : "run as root",
  });

function idmapped({ tried, caller, features }: Facts): Check {
  const newer = features.mountSetattr ? "a root filesystem that has them (other ones may)" : "Linux 5.12";
  return check({
    id: "idmapped-mounts",
    title: "Idmapped mounts",
    ...trial(tried.idmappedMount),
    cost: "mounts with the options idmap and ridmap",
    remedy: caller.privileged ? newer : "run as root",
  });
}

function fuse({ tried, fuseDevice }: Facts): Check {
  const { available, detail } = trial(tried.fuseInUserNamespace);
  return check({
    id: "fuse",
    title: "FUSE in a user namespace",
    available,
    detail: available || fuseDevice === "allowed" ? detail : `/dev/fuse ${FOUND[fuseDevice]}`,
    cost: "the fuseOverlay driver, only needed on older kernels",
    remedy: fuseDevice === "allowed" ? "Linux 4.18 with CONFIG_FUSE_FS" : "the module fuse, and access to /dev/fuse",
  });
}

function fuseOverlayfs({ programs }: Facts): Check {
  const path = programs["fuse-overlayfs"];
  return check({
    id: "fuse-overlayfs",
    title: "fuse-overlayfs",
    available: path !== undefined,
    detail: path ?? "not installed",
    cost: "the fuseOverlay driver, only needed on older kernels",
    remedy: "install fuse-overlayfs",
  });
}
