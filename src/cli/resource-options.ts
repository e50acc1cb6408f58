import type { RunOptions } from "../host/index.ts";
import { randomHex } from "../linux/index.ts";
import { type BlockIOResources, type CpuResources, parseSize, type Resources } from "../spec/index.ts";
import { hostDevice } from "./device-syntax.ts";
import type { RunFlags } from "./flags.ts";
import { parseInteger, wrong } from "./parse.ts";
import type { ResourceFlags } from "./resource-flags.ts";

/** Where a container's limits are kept, and what they are. */
export function resourceOptions(flags: RunFlags): Pick<RunOptions, "resources" | "cgroupsPath" | "cgroup"> {
  return { ...present("resources", parseResources(flags)), ...place(flags) };
}

function place({ cgroupParent, cgroupDriver, name }: RunFlags): Pick<RunOptions, "cgroupsPath" | "cgroup"> {
  if (cgroupDriver === "systemd") {
    return { cgroup: { driver: "systemd", ...(cgroupParent === undefined ? {} : { slice: cgroupParent }) } };
  }
  return {
    ...(cgroupDriver === undefined ? {} : { cgroup: { driver: cgroupDriver } }),
    ...(cgroupParent === undefined ? {} : { cgroupsPath: below(cgroupParent, name) }),
  };
}

/** The limits that are given; none are an empty object. */
export function parseResources(flags: ResourceFlags): Resources {
  return {
    ...present("memory", memoryOptions(flags)),
    ...present("cpu", cpuOptions(flags)),
    ...present("pids", limitOf(pidsOption(flags))),
    ...present("blockIO", blockIOOptions(flags)),
  };
}

/** A member for what is not empty. */
const present = <Name extends string, Value extends object>(name: Name, value: Value): { [N in Name]?: Value } =>
  Object.keys(value).length === 0 ? {} : ({ [name]: value } as { [N in Name]?: Value });

const limitOf = (limit: number | undefined) => (limit === undefined ? {} : { limit });

/** -1 is docker's word for "unlimited" too. */
const size = (flag: string, word: string) => (word === "-1" ? -1 : parseSize(word, flag));

function memoryOptions({ memory, memorySwap, memoryReservation }: ResourceFlags): NonNullable<Resources["memory"]> {
  return {
    ...(memory === undefined ? {} : { limit: size("--memory", memory) }),
    ...(memorySwap === undefined ? {} : { swap: size("--memory-swap", memorySwap) }),
    ...(memoryReservation === undefined ? {} : { reservation: size("--memory-reservation", memoryReservation) }),
  };
}

/** Docker's own period. */
const PERIOD = 100_000;

function cpuOptions(flags: ResourceFlags): CpuResources {
  const { cpus, cpuShares, cpuQuota, cpuPeriod, cpusetCpus, cpusetMems } = flags;
  if (cpus !== undefined && (cpuQuota ?? cpuPeriod) !== undefined) {
    throw wrong("--cpus", cpus, "no --cpu-quota and --cpu-period beside it, as it stands for both");
  }
  return {
    ...(cpus === undefined ? {} : { quota: Math.round(processors(cpus) * PERIOD), period: PERIOD }),
    ...(cpuShares === undefined ? {} : { shares: parseInteger("--cpu-shares", cpuShares, 2, 262144) }),
    ...(cpuQuota === undefined ? {} : { quota: parseInteger("--cpu-quota", cpuQuota, -1, Number.MAX_SAFE_INTEGER) }),
    ...(cpuPeriod === undefined ? {} : { period: parseInteger("--cpu-period", cpuPeriod, 1000, 1_000_000) }),
    ...(cpusetCpus === undefined ? {} : { cpus: cpusetCpus }),
    ...(cpusetMems === undefined ? {} : { mems: cpusetMems }),
  };
}

function processors(word: string): number {
  const value = /^\d+(\.\d+)?$/.test(word) ? Number(word) : 0;
  if (value >= 0.01) return value;
  throw wrong("--cpus", word, "a number of processors from 0.01 on, such as 1.5");
}

export function pidsOption({ pids, pidsLimit }: ResourceFlags): number | undefined {
  if (pids !== undefined) return parseInteger("--pids", pids, 1, Number.MAX_SAFE_INTEGER);
  if (pidsLimit === undefined) return undefined;
  return pidsLimit === "-1" ? -1 : parseInteger("--pids-limit", pidsLimit, 1, Number.MAX_SAFE_INTEGER);
}

function blockIOOptions(flags: ResourceFlags): BlockIOResources {
  const rates = (name: string, words: readonly string[]) => words.map((word) => rate(name, word));
  const { blkioWeight, deviceReadBps, deviceWriteBps, deviceReadIops, deviceWriteIops } = flags;
  return {
    ...(blkioWeight === undefined ? {} : { weight: parseInteger("--blkio-weight", blkioWeight, 10, 1000) }),
    ...some("throttleReadBpsDevice", rates("--device-read-bps", deviceReadBps)),
    ...some("throttleWriteBpsDevice", rates("--device-write-bps", deviceWriteBps)),
    ...some("throttleReadIOPSDevice", rates("--device-read-iops", deviceReadIops)),
    ...some("throttleWriteIOPSDevice", rates("--device-write-iops", deviceWriteIops)),
  };
}

const some = <Name extends string, Item>(name: Name, list: readonly Item[]): { [N in Name]?: readonly Item[] } =>
  list.length === 0 ? {} : ({ [name]: list } as { [N in Name]?: readonly Item[] });

/** PATH:RATE */
function rate(flag: string, word: string) {
  const at = word.lastIndexOf(":");
  const [path, number] = [word.slice(0, at), word.slice(at + 1)];
  const device = at > 0 ? hostDevice(path) : undefined;
  const expected = "DEVICE:RATE, such as /dev/sda:10M, with a block device of the host";
  if (device?.type !== "b") throw wrong(flag, word, expected);
  return { major: device.major ?? 0, minor: device.minor ?? 0, rate: parseSize(number, flag) };
}

/** As docker has it, the container's own cgroup has a name of its own below the parent. */
function below(parent: string, name: string | undefined): string {
  return `${parent.replace(/\/+$/, "")}/${name ?? `libct-${randomHex(4)}`}`;
}
