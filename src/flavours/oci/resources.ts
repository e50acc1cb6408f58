import { invalid } from "../../errors.ts";
import type {
  BlockIOResources,
  CpuResources,
  DeviceRate,
  DeviceRule,
  MemoryResources,
  Resources,
} from "../../spec/index.ts";
import type { Int } from "./config.ts";
import type { OciDeviceRule, OciResources, OciThrottleDevice } from "./config-linux.ts";
import type { Mutable, Warn } from "./translation.ts";

/** Limits, of linux.resources or of `update --resources`. What a Go program writes for "nothing was said" (0, "") is left out, as runc does it. */
export function translateResources(resources: OciResources, warn: Warn): Resources {
  const { memory, cpu, pids, blockIO, hugepageLimits, network, rdma, devices, unified } = resources;
  const result: Mutable<Resources> = {};
  if (memory) result.memory = translateMemory(memory, warn);
  if (cpu) result.cpu = translateCpu(cpu);
  if (pids?.limit) result.pids = { limit: signed(pids.limit) };
  if (blockIO) result.blockIO = translateBlockIO(blockIO);
  if (hugepageLimits) {
    result.hugepageLimits = hugepageLimits.map(({ pageSize, limit }) => ({ pageSize, limit: bytes(limit) }));
  }
  if (network) result.network = translateNetwork(network);
  if (rdma) result.rdma = rdma;
  if (devices) result.devices = devices.map(translateRule);
  if (unified && Object.keys(unified).length > 0) result.unified = unified;
  return result;
}

/** -1: unlimited, as is what no machine has (8 PiB and more): the kernel itself rounds the highest of these down to "no limit". */
function bytes(value: Int): number {
  const number = Number(value);
  return number < 0 || number > Number.MAX_SAFE_INTEGER ? -1 : number;
}

const signed = (value: Int): number => (value < 0 ? -1 : Number(value));

function translateMemory(memory: NonNullable<OciResources["memory"]>, warn: Warn): MemoryResources {
  const { swappiness, disableOOMKiller, useHierarchy, checkBeforeUpdate } = memory;
  const result: Mutable<MemoryResources> = {};
  for (const name of ["limit", "reservation", "swap"] as const) {
    const value = memory[name];
    if (value) result[name] = bytes(value);
  }
  const old = (["kernel", "kernelTCP"] as const).filter((name) => memory[name]);
  if (old.length > 0) {
    const members = old.map((name) => `linux.resources.memory.${name}`).join(", ");
    warn(`${members}: ignored, as the kernel has given up limits of its own memory (they are NOT RECOMMENDED)`);
  }
  if (swappiness !== undefined) result.swappiness = Number(swappiness);
  // False is what the kernel does anyway, and cgroup v2 has no file for it.
  if (disableOOMKiller) result.disableOOMKiller = true;
  if (useHierarchy !== undefined) result.useHierarchy = useHierarchy;
  if (checkBeforeUpdate !== undefined) result.checkBeforeUpdate = checkBeforeUpdate;
  return result;
}

/** The kernel brings shares into these bounds without a word (MIN_SHARES and MAX_SHARES of kernel/sched). */
const shares = (value: Int) => Math.min(262144, Math.max(2, Number(value)));

function translateCpu(cpu: NonNullable<OciResources["cpu"]>): CpuResources {
  const result: Mutable<CpuResources> = {};
  if (cpu.shares) result.shares = shares(cpu.shares);
  if (cpu.quota) result.quota = signed(cpu.quota);
  for (const name of ["period", "realtimeRuntime", "realtimePeriod"] as const) {
    const value = cpu[name];
    if (value) result[name] = Number(value);
  }
  if (cpu.burst !== undefined) result.burst = Number(cpu.burst);
  if (cpu.cpus) result.cpus = cpu.cpus;
  if (cpu.mems) result.mems = cpu.mems;
  if (cpu.idle !== undefined) result.idle = Number(cpu.idle);
  return result;
}

const THROTTLES = [
  "throttleReadBpsDevice",
  "throttleWriteBpsDevice",
  "throttleReadIOPSDevice",
  "throttleWriteIOPSDevice",
] as const;

function translateBlockIO(blockIO: NonNullable<OciResources["blockIO"]>): BlockIOResources {
  const { weight, leafWeight, weightDevice } = blockIO;
  const result: Mutable<BlockIOResources> = {};
  if (weight) result.weight = weight;
  if (leafWeight) result.leafWeight = leafWeight;
  if (weightDevice) {
    result.weightDevice = weightDevice.map(({ major, minor, ...of }) => ({
      major,
      minor,
      ...(of.weight && { weight: of.weight }),
      ...(of.leafWeight && { leafWeight: of.leafWeight }),
    }));
  }
  for (const name of THROTTLES) {
    const list = blockIO[name];
    if (list) result[name] = list.map(translateRate);
  }
  return result;
}

const translateRate = ({ major, minor, rate }: OciThrottleDevice): DeviceRate => ({ major, minor, rate: bytes(rate) });

function translateNetwork({
  classID,
  priorities,
}: NonNullable<OciResources["network"]>): NonNullable<Resources["network"]> {
  return { ...(classID && { classID }), ...(priorities && { priorities }) };
}

function translateRule({ allow, type, major, minor, access }: OciDeviceRule, index: number): DeviceRule {
  if (!access) {
    throw invalid(`linux.resources.devices[${index}].access`, access, 'some of "r", "w" and "m"');
  }
  const rule: Mutable<DeviceRule> = { allow, access };
  if (type) rule.type = type;
  if (major !== undefined) rule.major = major;
  if (minor !== undefined) rule.minor = minor;
  return rule;
}
