import type { CpuResources, MemoryResources, Resources } from "../../spec/index.ts";
import type { Settings } from "../index.ts";
import { deviceRules } from "./device-rules.ts";
import { sizeOf } from "./limits-v1.ts";

const PREFIX = "lxc.cgroup2.";

/** What the kernel calls a limit that is none. */
const limitOf = (value: string) => (value === "max" ? -1 : sizeOf(value));

/** lxc.cgroup2.*: files of cgroup version 2. What version 1 has as well is a limit on both; the rest is written as it stands where version 2 is. */
export function limitsV2(settings: Settings, version: 1 | 2): Resources {
  const files = new Map<string, { readonly key: string; readonly value: string }>();
  for (const { key, name, value } of settings.below(PREFIX))
    if (!name.startsWith("devices.")) files.set(name, { key, value });
  const take = (name: string): string | undefined => {
    const found = files.get(name)?.value;
    files.delete(name);
    return found;
  };
  const memory = memoryOf(take);
  const cpu = cpuOf(take, version);
  const pids = take("pids.max");
  const devices = deviceRules(settings, PREFIX);
  const rest = [...files];
  if (version === 1) {
    for (const [, { key, value }] of rest) settings.ignore(key, "this machine limits with cgroup version 1", value);
  }
  return {
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(pids === undefined ? {} : { pids: { limit: pids === "max" ? -1 : Number(pids) } }),
    ...(devices ? { devices } : {}),
    ...(version === 2 && rest.length > 0
      ? { unified: Object.fromEntries(rest.map(([name, { value }]) => [name, value])) }
      : {}),
  };
}

type Take = (name: string) => string | undefined;

function memoryOf(take: Take): MemoryResources {
  const [most, swap, low] = [take("memory.max"), take("memory.swap.max"), take("memory.low")];
  const limit = most === undefined ? undefined : limitOf(most);
  const result = {
    ...(limit === undefined ? {} : { limit }),
    ...(low === undefined ? {} : { reservation: limitOf(low) }),
  };
  if (swap === undefined || typeof limit !== "number" || limit < 0) return result;
  // `swap` counts memory as well, as version 1 does.
  const alone = limitOf(swap);
  return typeof alone === "number" ? { ...result, swap: alone < 0 ? -1 : limit + alone } : result;
}

const USUAL_WEIGHT = 100;
const USUAL_SHARES = 1024;

function cpuOf(take: Take, version: 1 | 2): CpuResources {
  const [cpus, mems, most] = [take("cpuset.cpus"), take("cpuset.mems"), take("cpu.max")];
  // On version 2 the weight is written as it stands: there and back is not the same number.
  const weight = version === 1 ? take("cpu.weight") : undefined;
  const [quota, period] = most?.split(/\s+/) ?? [];
  return {
    ...(cpus === undefined ? {} : { cpus }),
    ...(mems === undefined ? {} : { mems }),
    ...(quota === undefined ? {} : { quota: quota === "max" ? -1 : Number(quota) }),
    ...(period === undefined ? {} : { period: Number(period) }),
    ...(weight === undefined ? {} : { shares: Math.round((Number(weight) * USUAL_SHARES) / USUAL_WEIGHT) }),
  };
}
