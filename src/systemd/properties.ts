import { bytesOf, ioWeightOf, swapAlone, type VersionOf, weightOf } from "../cgroup/index.ts";
import { LibctError } from "../errors.ts";
import type { CpuResources, Resources, Size } from "../spec/index.ts";
import { parseList } from "./cpu-list.ts";
import { type Value, type Variant, variant } from "./value.ts";

/** A property of a unit (org.freedesktop.systemd1(5)). */
export type Property = readonly [name: string, value: Variant];

/** Also the number of what has no limit. */
const INFINITY = (1n << 64n) - 1n;

const u64 = (name: string, value: number | bigint): Property => [
  name,
  variant("t", BigInt(value) < 0n ? INFINITY : BigInt(value)),
];
const bytes = (name: string, size: Size | undefined): readonly Property[] =>
  size === undefined ? [] : [u64(name, bytesOf(size))];

/** What systemd is told about limits: whatever it writes to a cgroup's files anew must say the same as what is in them. */
export interface Knowledge {
  readonly versionOf: VersionOf;
  /** Of systemd: what an older one does not know is in the files alone. */
  readonly version: number;
}

/** The limits that systemd has a word for. The others, and exact values, are written to the files. */
export function resourceProperties(resources: Resources, { versionOf, version }: Knowledge): readonly Property[] {
  const first = (controller: string) => versionOf(controller) === 1;
  const { cpu, pids, blockIO } = resources;
  refuseDevices(resources, versionOf);
  return [
    ...memory(resources, first("memory")),
    ...(cpu?.shares === undefined
      ? []
      : [first("cpu") ? u64("CPUShares", cpu.shares) : u64("CPUWeight", weightOf(cpu.shares))]),
    ...quota(cpu ?? {}, version),
    ...(first("cpuset") || version < SINCE.CPUSET ? [] : cpuset(cpu ?? {})),
    ...(pids?.limit === undefined ? [] : [u64("TasksMax", pids.limit)]),
    ...(blockIO?.weight === undefined
      ? []
      : [first("blkio") ? u64("BlockIOWeight", blockIO.weight) : u64("IOWeight", ioWeightOf(blockIO.weight))]),
    ...unified(resources, version),
  ];
}

/** Versions of systemd that brought a property (its NEWS). */
export const SINCE = { COLLECT_MODE: 236, QUOTA_PERIOD: 242, CPUSET: 244, ZSWAP: 253 } as const;

function memory({ memory: limits }: Resources, first: boolean): readonly Property[] {
  if (!limits) return [];
  if (first) return bytes("MemoryLimit", limits.limit);
  const swap = swapAlone(limits);
  return [
    ...bytes("MemoryMax", limits.limit),
    ...bytes("MemoryLow", limits.reservation),
    ...(swap === undefined ? [] : [limitOf("MemorySwapMax", swap)]),
  ];
}

const limitOf = (name: string, text: string): Property => u64(name, text === "max" ? -1 : BigInt(text));

const DEFAULT_PERIOD = 100_000;
/** systemd keeps whole percents, so a quota is made larger: the file has the exact one (runc has it so). */
const PERCENT = 10_000;

function quota({ quota: most, period }: CpuResources, version: number): readonly Property[] {
  if (most === undefined && period === undefined) return [];
  const perSecond = most === undefined || most < 0 ? -1 : (most * 1_000_000) / (period ?? DEFAULT_PERIOD);
  const whole = perSecond < 0 ? -1 : Math.ceil(perSecond / PERCENT) * PERCENT;
  const every = period === undefined || version < SINCE.QUOTA_PERIOD ? [] : [u64("CPUQuotaPeriodUSec", period)];
  return [...every, u64("CPUQuotaPerSecUSec", whole)];
}

function cpuset({ cpus, mems }: CpuResources): readonly Property[] {
  return [
    ...(cpus === undefined ? [] : [list("AllowedCPUs", cpus, "resources.cpu.cpus")]),
    ...(mems === undefined ? [] : [list("AllowedMemoryNodes", mems, "resources.cpu.mems")]),
  ];
}

const list = (name: string, text: string, member: string): Property => [name, variant("ay", parseList(text, member))];

type Translate = (value: string, member: string, version: number) => readonly Property[];

const simple =
  (name: string): Translate =>
  (value) =>
    /^(max|\d+)$/.test(value) ? [limitOf(name, value)] : [];

const UNIFIED: Readonly<Record<string, Translate>> = {
  "memory.min": simple("MemoryMin"),
  "memory.low": simple("MemoryLow"),
  "memory.high": simple("MemoryHigh"),
  "memory.max": simple("MemoryMax"),
  "memory.swap.max": simple("MemorySwapMax"),
  "memory.zswap.max": (value, member, version) =>
    version < SINCE.ZSWAP ? [] : simple("MemoryZSwapMax")(value, member, version),
  "pids.max": simple("TasksMax"),
  "cpu.weight": simple("CPUWeight"),
  "io.weight": (value, member, version) => simple("IOWeight")(value.replace(/^default /, ""), member, version),
  "cpuset.cpus": (value, member, version) => (version < SINCE.CPUSET ? [] : [list("AllowedCPUs", value, member)]),
  "cpuset.mems": (value, member, version) =>
    version < SINCE.CPUSET ? [] : [list("AllowedMemoryNodes", value, member)],
  "cpu.max": (value, _, version) => {
    const [most = "max", period = String(DEFAULT_PERIOD)] = value.split(/\s+/);
    if (!/^(max|\d+)$/.test(most) || !/^\d+$/.test(period)) return [];
    return quota({ quota: most === "max" ? -1 : Number(most), period: Number(period) }, version);
  },
};

/** Files that systemd has a property for; a value that is none is left to the kernel, which says so. */
function unified({ unified: files = {} }: Resources, version: number): readonly Property[] {
  return Object.entries(files).flatMap(
    ([file, value]) => UNIFIED[file]?.(value.trim(), `resources.unified.${file}`, version) ?? [],
  );
}

/**
 * The list of version 1 is written anew by systemd whenever its configuration is loaded, from properties that would bind the set-up of the container as well. So
 * rules that hold only until then are refused. A program of version 2 is the container's own, and systemd leaves it alone.
 */
function refuseDevices({ devices = [] }: Resources, versionOf: VersionOf): void {
  if (devices.length === 0 || versionOf("devices") !== 1) return;
  const message = "rules for devices are not kept in a scope of systemd with cgroups of version 1";
  throw new LibctError("ERR_CT_NOT_SUPPORTED", message, {
    member: "resources.devices",
    hint: 'use the driver "cgroupfs", or boot with systemd.unified_cgroup_hierarchy=1',
  });
}

/** One property of each name, the last one of those that say it. */
export const asArray = (properties: readonly Property[]): readonly Value[] => [...new Map(properties)];
