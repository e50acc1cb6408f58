import type { BlockIOResources, CpuResources, DeviceRate, MemoryResources, Resources } from "../../spec/index.ts";
import { lookUp, type Settings } from "../index.ts";
import { deviceRules } from "./device-rules.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const MEMORY: Readonly<Record<string, keyof MemoryResources>> = {
  "memory.limit_in_bytes": "limit",
  "memory.memsw.limit_in_bytes": "swap",
  "memory.soft_limit_in_bytes": "reservation",
  "memory.kmem.limit_in_bytes": "kernel",
  "memory.kmem.tcp.limit_in_bytes": "kernelTCP",
  "memory.swappiness": "swappiness",
};

const CPU: Readonly<Record<string, keyof CpuResources>> = {
  "cpu.shares": "shares",
  "cpu.cfs_quota_us": "quota",
  "cpu.cfs_period_us": "period",
  "cpu.rt_runtime_us": "realtimeRuntime",
  "cpu.rt_period_us": "realtimePeriod",
  "cpuset.cpus": "cpus",
  "cpuset.mems": "mems",
};

const RATES: Readonly<Record<string, keyof BlockIOResources>> = {
  "blkio.throttle.read_bps_device": "throttleReadBpsDevice",
  "blkio.throttle.write_bps_device": "throttleWriteBpsDevice",
  "blkio.throttle.read_iops_device": "throttleReadIOPSDevice",
  "blkio.throttle.write_iops_device": "throttleWriteIOPSDevice",
};

const PREFIX = "lxc.cgroup.";

/** lxc.cgroup.*: files of cgroup version 1, as the limits that they are. */
export function limitsV1(settings: Settings): Resources {
  const memory: Record<string, number | string | boolean> = {};
  const cpu: Record<string, number | string> = {};
  const blockIO: Record<string, unknown> = {};
  const hugepageLimits: { pageSize: string; limit: number | string }[] = [];
  let pids: number | undefined;
  for (const { key, name, value } of settings.below(PREFIX)) {
    const [inMemory, inCpu, rate] = [lookUp(MEMORY, name), lookUp(CPU, name), lookUp(RATES, name)];
    const [, pageSize] = /^hugetlb\.(\w+)\.limit_in_bytes$/.exec(name) ?? [];
    if (inMemory) memory[inMemory] = inMemory === "swappiness" ? Number(value) : sizeOf(value);
    else if (name === "memory.oom_control") memory.disableOOMKiller = value === "1";
    else if (inCpu) cpu[inCpu] = inCpu === "cpus" || inCpu === "mems" ? value : Number(value);
    else if (rate) blockIO[rate] = [...((blockIO[rate] as readonly DeviceRate[]) ?? []), ...rateOf(value)];
    else if (name === "blkio.weight" || name === "blkio.bfq.weight") blockIO.weight = Number(value);
    else if (name === "pids.max") pids = value === "max" ? -1 : Number(value);
    else if (pageSize) hugepageLimits.push({ pageSize, limit: sizeOf(value) });
    else if (!name.startsWith("devices.") && !name.startsWith("dir") && name !== "relative") {
      settings.ignore(key, "libct sets no such limit", value);
    }
  }
  const devices = deviceRules(settings, PREFIX);
  const result: Mutable<Resources> = {};
  if (Object.keys(memory).length > 0) result.memory = memory;
  if (Object.keys(cpu).length > 0) result.cpu = cpu;
  if (Object.keys(blockIO).length > 0) result.blockIO = blockIO;
  if (hugepageLimits.length > 0) result.hugepageLimits = hugepageLimits;
  if (pids !== undefined) result.pids = { limit: pids };
  if (devices) result.devices = devices;
  return result;
}

/** A number of bytes; -1 is none. The kernel takes units as well. */
export const sizeOf = (value: string): number | string => (/^-?\d+$/.test(value) ? Number(value) : value);

/** "8:0 1048576" */
function rateOf(value: string): readonly DeviceRate[] {
  const [, major, minor, rate] = /^(\d+):(\d+)\s+(\d+)$/.exec(value) ?? [];
  return rate === undefined ? [] : [{ major: Number(major), minor: Number(minor), rate: Number(rate) }];
}
