import { readdirSync } from "node:fs";
import { eachTime, type FileReader, fileError, parseFlat } from "./files.ts";
import { type Cgroup, type CgroupDirectory, directoryOf, unifiedOf } from "./handle.ts";
import { memoryStatsV1, memoryStatsV2 } from "./memory-stats.ts";
import { parseIoV1, parseIoV2, parseLimit, parsePressure } from "./parse-stats.ts";
import type { CgroupStats, CpuStats, HugetlbStats, IoStats, PidsStats, Pressure, StatsPart } from "./stats.ts";

const ALL: readonly StatsPart[] = ["cpu", "memory", "pids", "io", "hugetlb", "pressure"];

/**
 * What a container uses, from its handle alone; `parts` to read less. Throws LibctError ERR_CT_STATE when the container has ended.
 *
 * @example
 * readStats(handle, ["memory"]).memory?.usage
 */
export function readStats(
  cgroup: Cgroup,
  parts: readonly StatsPart[] = ALL,
  files: FileReader = eachTime,
): CgroupStats {
  const stats: Partial<Record<StatsPart, unknown>> = {};
  for (const part of parts) {
    const value = READERS[part](cgroup, files);
    if (value !== undefined) stats[part] = value;
  }
  return stats as CgroupStats;
}

const READERS: Readonly<{ [Part in StatsPart]: (cgroup: Cgroup, files: FileReader) => CgroupStats[Part] | undefined }> =
  {
    cpu: readCpu,
    memory: readMemory,
    pids: readPids,
    io: readIo,
    hugetlb: readHugetlb,
    pressure: readPressure,
  };

const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/** Version 2 counts the time of every cgroup, also without its cpu controller. */
function readCpu(cgroup: Cgroup, files: FileReader): CpuStats | undefined {
  const unified = unifiedOf(cgroup);
  const stat = unified && parseFlat(files.read(`${unified.path}/cpu.stat`));
  const of = (name: string) => (stat?.get(`${name}_usec`) ?? 0) / MICROSECONDS;
  const times = stat ? { usage: of("usage"), user: of("user"), system: of("system") } : cpuacct(cgroup, files);
  if (!times) return undefined;
  const throttling = readThrottling(directoryOf(cgroup, "cpu"), stat, files);
  return { ...times, ...(throttling ? { throttling } : {}) };
}

function cpuacct(cgroup: Cgroup, files: FileReader): Omit<CpuStats, "throttling"> | undefined {
  const directory = directoryOf(cgroup, "cpuacct");
  if (!directory) return undefined;
  const seconds = (file: string) => Number(files.read(`${directory.path}/${file}`)) / NANOSECONDS;
  return { usage: seconds("cpuacct.usage"), user: seconds("cpuacct.usage_user"), system: seconds("cpuacct.usage_sys") };
}

function readThrottling(
  cpu: CgroupDirectory | undefined,
  unified: ReadonlyMap<string, number> | undefined,
  files: FileReader,
): CpuStats["throttling"] {
  if (!cpu) return undefined;
  const first = cpu.version === 1;
  const stat = first ? parseFlat(files.read(`${cpu.path}/cpu.stat`)) : unified;
  const time = first
    ? (stat?.get("throttled_time") ?? 0) / NANOSECONDS
    : (stat?.get("throttled_usec") ?? 0) / MICROSECONDS;
  return { periods: stat?.get("nr_periods") ?? 0, throttled: stat?.get("nr_throttled") ?? 0, time };
}

function readMemory(cgroup: Cgroup, files: FileReader) {
  const directory = directoryOf(cgroup, "memory");
  if (!directory) return undefined;
  return directory.version === 1 ? memoryStatsV1(directory.path, files) : memoryStatsV2(directory.path, files);
}

function readPids(cgroup: Cgroup, files: FileReader): PidsStats | undefined {
  const directory = directoryOf(cgroup, "pids");
  if (!directory) return undefined;
  const limit = parseLimit(files.read(`${directory.path}/pids.max`));
  return {
    current: Number(files.read(`${directory.path}/pids.current`)),
    ...(limit === undefined ? {} : { limit }),
  };
}

function readIo(cgroup: Cgroup, files: FileReader): readonly IoStats[] | undefined {
  const directory = directoryOf(cgroup, "blkio", "io");
  if (!directory) return undefined;
  const { path, version } = directory;
  if (version === 2) return parseIoV2(files.read(`${path}/io.stat`));
  const read = (name: string) =>
    files.readIfThere(`${path}/blkio.throttle.${name}_recursive`) ?? files.read(`${path}/blkio.throttle.${name}`);
  return parseIoV1(read("io_service_bytes"), read("io_serviced"));
}

function readHugetlb(cgroup: Cgroup, files: FileReader): Readonly<Record<string, HugetlbStats>> | undefined {
  const directory = directoryOf(cgroup, "hugetlb");
  if (!directory) return undefined;
  const { path, version } = directory;
  pageSizes ??= findPageSizes(directory);
  return Object.fromEntries(pageSizes.map((size) => [size, pages(`${path}/hugetlb.${size}`, version, files)]));
}

/** They are the kernel's: the same in every cgroup, from its start on. */
let pageSizes: readonly string[] | undefined;

function findPageSizes({ path, version }: CgroupDirectory): readonly string[] {
  const usageFile = version === 1 ? "usage_in_bytes" : "current";
  return namesIn(path).flatMap((name) => {
    const [, size, file] = /^hugetlb\.(\d+[KMG]B)\.([a-z_]+)$/.exec(name) ?? [];
    return file === usageFile && size !== undefined ? [size] : [];
  });
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    throw fileError("read", path, cause);
  }
}

function pages(prefix: string, version: 1 | 2, files: FileReader): HugetlbStats {
  const read = (file: string) => files.read(`${prefix}.${file}`);
  const limit = parseLimit(read(version === 1 ? "limit_in_bytes" : "max"));
  return {
    usage: Number(read(version === 1 ? "usage_in_bytes" : "current")),
    failures: version === 1 ? Number(read("failcnt")) : (parseFlat(read("events")).get("max") ?? 0),
    ...(limit === undefined ? {} : { limit }),
  };
}

function readPressure(cgroup: Cgroup, files: FileReader): CgroupStats["pressure"] {
  const directory = unifiedOf(cgroup);
  if (!directory) return undefined;
  const found = (["cpu", "memory", "io"] as const).flatMap((what): [string, Pressure][] => {
    const text = files.readIfThere(`${directory.path}/${what}.pressure`);
    const pressure = text === undefined ? undefined : parsePressure(text);
    return pressure ? [[what, pressure]] : [];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}
