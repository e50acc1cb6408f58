import { type FileReader, parseFlat } from "./files.ts";
import { parseLimit } from "./parse-stats.ts";
import type { MemoryStats } from "./stats.ts";

/** memory.rst of the kernel's cgroup-v1, "stat file". The members with "total_" count the cgroups below too. */
export function memoryStatsV1(path: string, files: FileReader): MemoryStats {
  const number = (file: string) => Number(files.read(`${path}/memory.${file}`));
  const stat = parseFlat(files.read(`${path}/memory.stat`));
  const total = (name: string) => stat.get(`total_${name}`) ?? 0;
  const limit = parseLimit(files.read(`${path}/memory.limit_in_bytes`));
  const swap = stat.has("total_swap") ? swapV1({ path, files }, total("swap"), limit) : undefined;
  const killed = parseFlat(files.read(`${path}/memory.oom_control`)).get("oom_kill") ?? 0;
  return {
    usage: number("usage_in_bytes"),
    peak: number("max_usage_in_bytes"),
    ...(limit === undefined ? {} : { limit }),
    ...(swap ? { swap } : {}),
    anon: total("rss"),
    file: total("cache"),
    shmem: total("shmem"),
    inactiveFile: total("inactive_file"),
    events: { max: number("failcnt"), oomKill: killed },
  };
}

interface Place {
  readonly path: string;
  readonly files: FileReader;
}

/** Version 1 limits memory and swap together: what is left for swap is the difference. */
function swapV1({ path, files }: Place, usage: number, memoryLimit: number | undefined): MemoryStats["swap"] {
  const both = parseLimit(files.readIfThere(`${path}/memory.memsw.limit_in_bytes`) ?? "max");
  return both === undefined || memoryLimit === undefined ? { usage } : { usage, limit: both - memoryLimit };
}

/** cgroup-v2.rst, "Memory Interface Files". */
export function memoryStatsV2(path: string, files: FileReader): MemoryStats {
  const read = (file: string) => files.read(`${path}/memory.${file}`);
  const stat = parseFlat(read("stat"));
  const of = (name: string) => stat.get(name) ?? 0;
  const limit = parseLimit(read("max"));
  const peak = files.readIfThere(`${path}/memory.peak`);
  const events = parseFlat(read("events"));
  const swap = swapV2(path, files);
  return {
    usage: Number(read("current")),
    ...(peak === undefined ? {} : { peak: Number(peak) }),
    ...(limit === undefined ? {} : { limit }),
    ...(swap ? { swap } : {}),
    anon: of("anon"),
    file: of("file"),
    shmem: of("shmem"),
    inactiveFile: of("inactive_file"),
    // Before Linux 5.18 only the parts were told.
    kernel: stat.get("kernel") ?? of("kernel_stack") + of("slab"),
    slab: of("slab"),
    sock: of("sock"),
    events: { max: events.get("max") ?? 0, oom: events.get("oom") ?? 0, oomKill: events.get("oom_kill") ?? 0 },
  };
}

function swapV2(path: string, files: FileReader): MemoryStats["swap"] {
  const usage = files.readIfThere(`${path}/memory.swap.current`);
  if (usage === undefined) return undefined;
  const limit = parseLimit(files.read(`${path}/memory.swap.max`));
  return limit === undefined ? { usage: Number(usage) } : { usage: Number(usage), limit };
}
