import type { CpuResources } from "../spec/index.ts";
import { orMax, type Setting, Settings } from "./setting.ts";

const HINT = "version 2 leaves realtime scheduling to the whole machine: see sched(7)";

/** The kernel's sched-design-CFS.rst, sched-bwc.rst and sched-rt-group.rst. A quota is checked against its period, and a burst against its quota. */
export function cpuV1(cpu: CpuResources): readonly Setting[] {
  const settings = new Settings("cpu", "resources.cpu");
  // A cgroup that is idle has no shares to set.
  settings.add("shares", "cpu.shares", cpu.shares);
  settings.add("idle", "cpu.idle", cpu.idle);
  settings.add("period", "cpu.cfs_period_us", cpu.period);
  settings.add("quota", "cpu.cfs_quota_us", cpu.quota);
  settings.add("burst", "cpu.cfs_burst_us", cpu.burst);
  settings.add("realtimePeriod", "cpu.rt_period_us", cpu.realtimePeriod);
  settings.add("realtimeRuntime", "cpu.rt_runtime_us", cpu.realtimeRuntime);
  return settings.list;
}

/** cgroup-v2.rst, "CPU". */
export function cpuV2(cpu: CpuResources): readonly Setting[] {
  const settings = new Settings("cpu", "resources.cpu");
  settings.add("shares", "cpu.weight", cpu.shares === undefined ? undefined : weightOf(cpu.shares));
  settings.add("idle", "cpu.idle", cpu.idle);
  settings.add(cpu.quota === undefined ? "period" : "quota", "cpu.max", maximum(cpu));
  settings.add("burst", "cpu.max.burst", cpu.burst);
  // Zero is what engines write for "none".
  settings.refuse("realtimeRuntime", cpu.realtimeRuntime || undefined, 2, HINT);
  settings.refuse("realtimePeriod", cpu.realtimePeriod, 2, HINT);
  return settings.list;
}

/** The two controllers of cpuset have files of the same names. */
export function cpuset(cpu: CpuResources): readonly Setting[] {
  const settings = new Settings("cpuset", "resources.cpu");
  settings.add("cpus", "cpuset.cpus", cpu.cpus);
  settings.add("mems", "cpuset.mems", cpu.mems);
  return settings.list;
}

/**
 * From 2 to 262144 (usually 1024) to 1 to 10000 (usually 100): a curve through these three points, as runc has it since 1.3.2 and crun since 1.23. Their older
 * straight line made 39 of 1024.
 */
export function weightOf(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** "quota period"; a quota alone leaves the period as it is. */
function maximum({ quota, period }: CpuResources): string | undefined {
  if (quota === undefined) return period === undefined ? undefined : `max ${period}`;
  return period === undefined ? orMax(quota) : `${orMax(quota)} ${period}`;
}
