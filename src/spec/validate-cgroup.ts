import { invalid } from "../errors.ts";
import type { ContainerSpec } from "./types.ts";

/** What does not go together with who makes the cgroups. */
export function checkCgroup({ cgroup, cgroupsPath, resources, restart }: ContainerSpec): void {
  if (cgroup?.driver === "none") {
    const wish = Object.entries({ resources, cgroupsPath }).find(([, given]) => given !== undefined);
    if (wish) throw invalid(wish[0], wish[1], 'nothing with the driver "none"', "limits are kept by cgroups");
  }
  if (cgroup?.driver !== "systemd") {
    for (const member of ["slice", "name"] as const) {
      const given = cgroup?.[member];
      if (given === undefined) continue;
      throw invalid(`cgroup.${member}`, given, "nothing, as only systemd has one", 'set cgroup.driver to "systemd"');
    }
    return;
  }
  if (cgroupsPath !== undefined) {
    throw invalid(
      "cgroupsPath",
      cgroupsPath,
      'nothing beside the driver "systemd"',
      "say cgroup.slice and cgroup.name",
    );
  }
  if (restart === undefined || restart.policy === "no") return;
  throw invalid(
    "restart.policy",
    restart.policy,
    '"no" with the driver "systemd"',
    "a scope ends with its processes, and the application, which asks for another, may be gone by then",
  );
}
