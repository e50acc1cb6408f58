import { invalid } from "../../errors.ts";
import type { CpuResources, MemoryResources, Resources } from "../../spec/index.ts";
import type { Settings } from "../index.ts";
import { amountOf, PAGE } from "./amount.ts";

/** Beancounters and the fair scheduler's parameters, as limits of cgroups. */
export function translateResources(settings: Settings): Resources {
  const memory = translateMemory(settings);
  const cpu = translateCpu(settings);
  const processes = limitOf(settings, "NUMPROC", 1)?.limit;
  return {
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(processes === undefined ? {} : { pids: { limit: processes } }),
  };
}

export function limitOf(settings: Settings, key: string, unit: number) {
  const value = settings.last(key);
  return value === undefined ? undefined : amountOf(key, value, unit);
}

/** With VSwap PHYSPAGES limits memory; before it there was no such limit, and PRIVVMPAGES comes closest. */
function translateMemory(settings: Settings): MemoryResources {
  const physical = limitOf(settings, "PHYSPAGES", PAGE)?.limit;
  const allocated = limitOf(settings, "PRIVVMPAGES", PAGE)?.limit;
  const swap = limitOf(settings, "SWAPPAGES", PAGE)?.limit;
  const guaranteed = limitOf(settings, "VMGUARPAGES", PAGE)?.barrier;
  if (physical === undefined && allocated !== undefined) {
    settings.change("PRIVVMPAGES", "it limits the memory that is used, and not what is asked for");
  } else if (allocated !== undefined) {
    settings.ignore("PRIVVMPAGES", "memory that is asked for is not limited; PHYSPAGES limits what is used");
  }
  const limit = physical ?? allocated;
  if (swap !== undefined && limit === undefined)
    settings.ignore("SWAPPAGES", "there is no limit of memory to add it to");
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(limit === undefined || swap === undefined ? {} : { swap: limit + swap }),
    // A guarantee above the limit would be refused.
    ...(guaranteed === undefined || guaranteed === 0 || (limit !== undefined && guaranteed > limit)
      ? {}
      : { reservation: guaranteed }),
  };
}

/** What OpenVZ takes when nothing is said (vzctl(8), --cpuunits), and what Linux takes. */
const [USUAL_UNITS, USUAL_SHARES] = [1000, 1024];
const PERIOD = 100_000;

function translateCpu(settings: Settings): CpuResources {
  const units = settings.last("CPUUNITS");
  const percent = settings.last("CPULIMIT");
  const count = settings.last("CPUS");
  const mask = settings.last("CPUMASK");
  const nodes = settings.last("NODEMASK");
  const quotas = [percentOf(percent), count === undefined ? undefined : numberOf("CPUS", count) * PERIOD];
  const quota = Math.min(...quotas.map((one) => one ?? Number.POSITIVE_INFINITY));
  if (count !== undefined) settings.change("CPUS", "it limits the time on all processors, and hides none of them");
  return {
    ...(units === undefined ? {} : { shares: sharesOf(numberOf("CPUUNITS", units)) }),
    ...(Number.isFinite(quota) && quota > 0 ? { quota, period: PERIOD } : {}),
    ...(mask === undefined || mask === "all" ? {} : { cpus: mask }),
    ...(nodes === undefined || nodes === "all" ? {} : { mems: nodes }),
  };
}

const sharesOf = (units: number) => Math.min(262_144, Math.max(2, Math.round((units * USUAL_SHARES) / USUAL_UNITS)));

/** Of one processor; 0 is no limit. */
function percentOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const percent = numberOf("CPULIMIT", text.replace(/%$/, ""));
  return percent === 0 ? undefined : Math.round((percent * PERIOD) / 100);
}

function numberOf(key: string, text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw invalid(key, text, "a number");
}
