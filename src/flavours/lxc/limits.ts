import type { ContainerSpec, Resources } from "../../spec/index.ts";
import type { ImportContext, Settings } from "../index.ts";
import { limitsV1 } from "./limits-v1.ts";
import { limitsV2 } from "./limits-v2.ts";

/**
 * The limits of both versions of cgroups. LXC takes only those for the version that the machine has; here those of the other version count as well, where
 * they are not contradicted: a limit is the same on both.
 */
export function translateLimits(
  settings: Settings,
  { cgroup, privileged }: ImportContext,
): Pick<ContainerSpec, "resources"> {
  const [first, second] = [limitsV1(settings), limitsV2(settings, cgroup)];
  const [weak, strong] = cgroup === 2 ? [first, second] : [second, first];
  const memory = { ...weak.memory, ...strong.memory };
  const cpu = { ...weak.cpu, ...strong.cpu };
  const { devices, ...limits }: Resources = {
    ...weak,
    ...strong,
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
  };
  if (privileged) return { resources: { ...limits, ...(devices && { devices }) } };
  // Who has no rights can neither set rules for devices nor make nodes of them, and may have no cgroups: these are made only for limits.
  for (const { key } of [...settings.below("lxc.cgroup.devices."), ...settings.below("lxc.cgroup2.devices.")]) {
    settings.ignore(key, "only root sets rules for devices");
  }
  return Object.keys(limits).length > 0 ? { resources: limits } : {};
}

const WHERE = "LXC's own processes have no cgroups here";

/** lxc.cgroup.dir and its like. */
export function cgroupsPath(settings: Settings, name: string): Pick<ContainerSpec, "cgroupsPath"> {
  const own = settings.last("lxc.cgroup.dir.container");
  const shared = settings.last("lxc.cgroup.dir");
  for (const key of ["lxc.cgroup.dir.monitor", "lxc.cgroup.dir.monitor.pivot"]) settings.ignore(key, WHERE);
  settings.ignore("lxc.cgroup.dir.container.inner", "the limits and the container's processes are in one cgroup");
  settings.ignore("lxc.cgroup.relative", "cgroups are made where libct may make them");
  const path = own ?? (shared === undefined ? undefined : `${shared}/${name}`);
  return path === undefined ? {} : { cgroupsPath: path };
}
