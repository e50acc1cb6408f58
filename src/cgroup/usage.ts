import { eachTime, type FileReader, parseFlat } from "./files.ts";
import { type Cgroup, directoryOf, unifiedOf } from "./handle.ts";

/** The three numbers that a table of containers shows. */
export interface CgroupUsage {
  /** Seconds of processor time so far. */
  readonly cpu?: number;
  /** Bytes */
  readonly memory?: number;
  readonly pids?: number;
}

/** The least of `readStats`, from three files: a thousand containers take 50 to 75 ms, or 30 ms with `KeptFiles` (docs/bench.md). Throws LibctError ERR_CT_STATE when the container has ended. */
export function readUsage(cgroup: Cgroup, files: FileReader = eachTime): CgroupUsage {
  const cpu = readProcessorTime(cgroup, files);
  const memory = directoryOf(cgroup, "memory");
  const memoryFile = memory?.version === 1 ? "memory.usage_in_bytes" : "memory.current";
  const pids = directoryOf(cgroup, "pids");
  return {
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory ? { memory: Number(files.read(`${memory.path}/${memoryFile}`)) } : {}),
    ...(pids ? { pids: Number(files.read(`${pids.path}/pids.current`)) } : {}),
  };
}

function readProcessorTime(cgroup: Cgroup, files: FileReader): number | undefined {
  const unified = unifiedOf(cgroup);
  if (unified) return (parseFlat(files.read(`${unified.path}/cpu.stat`)).get("usage_usec") ?? 0) / 1e6;
  const first = directoryOf(cgroup, "cpuacct");
  return first && Number(files.read(`${first.path}/cpuacct.usage`)) / 1e9;
}
