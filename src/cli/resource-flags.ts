import type { FlagTable } from "./syntax.ts";

/** Limits that cgroups keep: what a container can be given, and what can be changed while it runs. By their names in docker. */
export interface ResourceFlags {
  readonly memory?: string;
  readonly memorySwap?: string;
  readonly memoryReservation?: string;
  readonly cpus?: string;
  readonly cpuShares?: string;
  readonly cpuQuota?: string;
  readonly cpuPeriod?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pids?: string;
  readonly pidsLimit?: string;
  readonly blkioWeight?: string;
  readonly deviceReadBps: readonly string[];
  readonly deviceWriteBps: readonly string[];
  readonly deviceReadIops: readonly string[];
  readonly deviceWriteIops: readonly string[];
}

export const RESOURCE_FLAGS: FlagTable<ResourceFlags> = {
  memory: { value: "size", text: "memory, such as 512M" },
  memorySwap: { value: "size", text: "memory and swap together; -1 for unlimited swap" },
  memoryReservation: { value: "size", text: "memory that is left to it when memory is short" },
  cpus: { value: "n", text: "processor time, such as 1.5 processors" },
  cpuShares: { value: "n", text: "weight against others: 2 to 262144, usually 1024" },
  cpuQuota: { value: "microseconds", text: "processor time in each period" },
  cpuPeriod: { value: "microseconds", text: "usually 100000" },
  cpusetCpus: { value: "list", text: "processors that it may use, such as 0-3,7" },
  cpusetMems: { value: "list", text: "memory nodes" },
  pids: { value: "n", text: "processes and threads" },
  pidsLimit: { value: "n", text: "the same, as docker calls it" },
  blkioWeight: { value: "n", text: "weight of its disk traffic: 10 to 1000" },
  deviceReadBps: { value: "device:rate", many: true, text: "bytes per second, such as /dev/sda:10M" },
  deviceWriteBps: { value: "device:rate", many: true, text: "bytes per second" },
  deviceReadIops: { value: "device:rate", many: true, text: "operations per second" },
  deviceWriteIops: { value: "device:rate", many: true, text: "operations per second" },
};
