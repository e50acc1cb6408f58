import { existsSync } from "node:fs";
import {
  type Cgroup,
  type CgroupScope,
  type CgroupView,
  completed,
  directoryOf,
  planUpdate,
  putBack,
  readCgroupFile,
  type ScopePlace,
  type ScopePlan,
  snapshot,
  type Undo,
  versionOf,
} from "../cgroup/index.ts";
import { LibctError } from "../errors.ts";
import type { CgroupSpec, Resources } from "../spec/index.ts";
import { cgroupName, escapeUnit, expandSlice, scopeName } from "./names.ts";
import { type Property, resourceProperties, SINCE } from "./properties.ts";
import type { Systemd } from "./systemd.ts";
import { type Variant, variant } from "./value.ts";

/** Where the scope of a container will be. `unique` is a name that nobody else has. */
export function planScope(
  { slice, name }: Omit<CgroupSpec, "driver">,
  unique: string,
  systemd: Pick<Systemd, "kind" | "controlGroup" | "version">,
  view: CgroupView,
): ScopePlace {
  const manager = systemd.kind;
  const within = slice ?? (manager === "system" ? "system.slice" : "user.slice");
  const unit = scopeName(name ?? escapeUnit(unique), "cgroup.name");
  const parts = [systemd.controlGroup, expandSlice(within, "cgroup.slice"), cgroupName(unit)];
  const path = parts.filter((part) => part !== "").join("/");
  return {
    scope: { manager, unit, slice: within },
    path: path.startsWith("/") ? path : `/${path}`,
    delegated: delegated(systemd, view),
  };
}

/** Those of version 2 that systemd passes on with Delegate=yes. */
const PASSED_ON = ["cpu", "io", "memory", "pids"];

function delegated({ controlGroup, version }: Pick<Systemd, "controlGroup" | "version">, view: CgroupView) {
  const unified = view.layout.hierarchies.find((hierarchy) => hierarchy.version === 2);
  if (!unified) return [];
  // A user's manager has what the machine's has given it.
  const own = view.read(`${unified.mountPoint}${controlGroup}/cgroup.controllers`)?.trim().split(" ");
  const known = version < SINCE.CPUSET ? PASSED_ON : [...PASSED_ON, "cpuset"];
  return unified.controllers.filter((name) => known.includes(name) && (own ?? unified.controllers).includes(name));
}

/** Throws LibctError for limits that cannot be told to systemd, before anything is made. */
export function checkLimits({ resources }: ScopePlan, cgroup: Cgroup): void {
  resourceProperties(resources, { versionOf: versionOf(cgroup), version: Number.POSITIVE_INFINITY });
}

/** Has systemd make the scope around a process. Throws LibctError when it did not, or not where it was expected. */
export async function startScope(
  systemd: Systemd,
  { scope, path, resources }: ScopePlan,
  cgroup: Cgroup,
  pid: number,
): Promise<void> {
  const limits = resourceProperties(resources, { versionOf: versionOf(cgroup), version: systemd.version });
  const found = await systemd.startScope(scope.unit, [...basic(scope, pid, systemd.version), ...limits]);
  if (found === path) return;
  await systemd.stop(scope.unit);
  throw new LibctError("ERR_CT_SYSTEMD", `systemd has made the cgroup ${found} for ${scope.unit}, and not ${path}`, {
    path: found,
    member: "cgroup",
  });
}

/** As runc and crun have it: a scope outlives neither its processes nor a failure, and its cgroup is left to who made it (systemd.resource-control(5), "Delegate="). */
function basic({ unit, slice }: CgroupScope, pid: number, version: number): readonly Property[] {
  const flags = ["Delegate", "MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting"];
  const collect: Property = ["CollectMode", variant("s", "inactive-or-failed")];
  return [
    ["Description", variant("s", `libct container ${unit.replace(/\.scope$/, "")}`)],
    ["Slice", variant("s", slice)],
    ["DefaultDependencies", variant("b", false)],
    ...flags.map((name): [string, Variant] => [name, variant("b", true)]),
    ...(version < SINCE.COLLECT_MODE ? [] : [collect]),
    ["PIDs", variant("au", [pid])],
  ];
}

/**
 * Changes limits in both places: systemd is told, so that it keeps to them when it writes the files anew, and then `files` writes them exactly. When that fails
 * both are as they were.
 */
export async function updateScope(
  systemd: Systemd,
  cgroup: Cgroup,
  scope: CgroupScope,
  resources: Resources,
  files: () => Promise<void>,
): Promise<void> {
  // What can be refused beforehand is.
  const before = snapshot(planUpdate(cgroup, resources, readCgroupFile));
  const whole = withPeriod(cgroup, completed(cgroup, resources, readCgroupFile));
  const changes = resourceProperties(whole, { versionOf: versionOf(cgroup), version: systemd.version });
  const names = changes.map(([name]) => name);
  const old = await systemd.scopeProperties(scope.unit, names);
  const known = new Set(old.map(([name]) => name));
  const tell = async (properties: readonly Property[]) => {
    // Whatever is changed, systemd writes a quota anew, which it has rounded.
    const quota = exactQuota(cgroup);
    await systemd.setProperties(scope.unit, properties);
    putBack(quota);
  };
  await tell(changes.filter(([name]) => known.has(name)));
  try {
    await files();
  } catch (error) {
    await tell(old);
    putBack(before);
    throw error;
  }
}

function exactQuota(cgroup: Cgroup): readonly Undo[] {
  const directory = directoryOf(cgroup, "cpu");
  if (!directory) return [];
  const names = directory.version === 1 ? ["cpu.cfs_period_us", "cpu.cfs_quota_us"] : ["cpu.max"];
  const paths = names.map((name) => `${directory.path}/${name}`);
  return paths.filter((path) => existsSync(path)).map((path) => ({ path, value: readCgroupFile(path).trim() }));
}

/** systemd counts a quota for each second, for which it takes the period. */
function withPeriod(cgroup: Cgroup, resources: Resources): Resources {
  const { cpu } = resources;
  const directory = directoryOf(cgroup, "cpu");
  if (!cpu || !directory || (cpu.quota === undefined) === (cpu.period === undefined)) return resources;
  const first = directory.version === 1;
  const read = (file: string) => Number(readCgroupFile(`${directory.path}/${file}`));
  if (cpu.quota === undefined)
    return first ? { ...resources, cpu: { ...cpu, quota: read("cpu.cfs_quota_us") } } : resources;
  const period = first ? read("cpu.cfs_period_us") : Number(readCgroupFile(`${directory.path}/cpu.max`).split(" ")[1]);
  return { ...resources, cpu: { ...cpu, period } };
}
