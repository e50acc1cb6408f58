import { parseFlat, readCgroupFile } from "./files.ts";
import { type Cgroup, directoryOf, unifiedOf } from "./handle.ts";

/** The three numbers that a table of containers shows. */
export interface CgroupUsage {
  /** Seconds of processor time so far. */
  readonly cpu?: number;
  /** Bytes */
  readonly memory?: number;
  readonly pids?: number;
}

/** The least of `readStats`, from three files: a thousand containers take 30 ms. Throws LibctError ERR_CT_STATE when the container has ended. */
export function readUsage(cgroup: Cgroup): CgroupUsage {
  const cpu = readProcessorTime(cgroup);
  const memory = directoryOf(cgroup, "memory");
  const memoryFile = memory?.version === 1 ? "memory.usage_in_bytes" : "memory.current";
  const pids = directoryOf(cgroup, "pids");
  return {
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory ? { memory: Number(readCgroupFile(`${memory.path}/${memoryFile}`)) } : {}),
    ...(pids ? { pids: Number(readCgroupFile(`${pids.path}/pids.current`)) } : {}),
  };
}

function readProcessorTime(cgroup: Cgroup): number | undefined {
  const unified = unifiedOf(cgroup);
  if (unified) return (parseFlat(readCgroupFile(`${unified.path}/cpu.stat`)).get("usage_usec") ?? 0) / 1e6;
  const first = directoryOf(cgroup, "cpuacct");
  return first && Number(readCgroupFile(`${first.path}/cpuacct.usage`)) / 1e9;
}
