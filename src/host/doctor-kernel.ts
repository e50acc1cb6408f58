import { type Check, check, trial } from "./check.ts";
import type { Facts } from "./facts.ts";

type Release = readonly [major: number, minor: number];

export function kernelCalls({ features }: Facts): Check[] {
  const newEnough = ([major, minor]: Release) =>
    features.major > major || (features.major === major && features.minor >= minor);
  const call = (id: string, available: boolean, since: Release, cost: string): Check => {
    const hidden = !available && newEnough(since);
    return check({
      id,
      title: id,
      available,
      detail: available ? "present" : hidden ? "hidden, probably by a seccomp filter" : "missing",
      cost,
      remedy: hidden ? "an outer container that allows it" : `Linux ${since.join(".")}`,
    });
  };
  const older = "nothing: older calls do the same, a little slower";
  const attributes = "idmapped mounts; recursive attributes are set mount by mount";
  return [
    call("clone3", features.clone3, [5, 3], older),
    call("open_tree, move_mount", features.openTree, [5, 2], older),
    call("mount_setattr", features.mountSetattr, [5, 12], attributes),
    call("close_range", features.closeRange, [5, 11], older),
  ];
}

export function security(facts: Facts): Check[] {
  return [seccomp(facts), landlock(facts), executor(facts), ...securityModules(facts)];
}

function seccomp({ tried, seccompActions }: Facts): Check {
  const { available, detail } = trial(tried.seccompFilter);
  return check({
    id: "seccomp",
    title: "seccomp filters",
    available,
    detail: available && seccompActions.length > 0 ? seccompActions.join(" ") : detail,
    cost: "the default profile and all others",
    remedy: "a kernel with CONFIG_SECCOMP_FILTER",
  });
}

function landlock({ features, seccompFiltered }: Facts): Check {
  const has = features.landlockAbi > 0;
  const newEnough = features.major > 5 || (features.major === 5 && features.minor >= 13);
  const enable = seccompFiltered
    ? "a seccomp filter that allows its calls, or a boot with landlock in lsm="
    : "boot with landlock in lsm=, and CONFIG_SECURITY_LANDLOCK";
  return check({
    id: "landlock",
    title: "Landlock",
    available: has,
    detail: has ? `ABI ${features.landlockAbi}` : "missing",
    cost: 'isolation "landlock"',
    remedy: newEnough ? enable : "Linux 5.13",
  });
}

/** See CVE-2019-5736: a container that gets hold of its runtime's program must not be able to write to it. */
const executor = ({ executorSealed }: Facts): Check =>
  check({
    id: "executor-sealed",
    title: "Sealed executor",
    available: executorSealed,
    detail: executorSealed ? "runs from a copy in memory that cannot be written to" : "runs from its file",
    cost: "the protection of the executor's own file from root in a container without a user namespace",
    remedy: "a kernel with CONFIG_MEMFD_CREATE, and vm.memfd_noexec below 2",
  });

function securityModules({ apparmor, selinux }: Facts): Check[] {
  const module = (title: string, available: boolean) =>
    check({
      id: title.toLowerCase(),
      title,
      available,
      detail: available ? "enabled" : "not enabled",
      cost: `labels of ${title}; nothing else`,
      remedy: `a system that boots with ${title}`,
    });
  return [module("AppArmor", apparmor), module("SELinux", selinux)];
}
