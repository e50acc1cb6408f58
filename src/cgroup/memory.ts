import type { MemoryResources } from "../spec/index.ts";
import { bytesOf, bytesOrMax, bytesOrMinusOne, orMax, type Setting, Settings } from "./setting.ts";

/** memory.rst of the kernel's cgroup-v1. The limit without swap comes first: it may not be above the one with swap. */
export function memoryV1(memory: MemoryResources): readonly Setting[] {
  const settings = new Settings("memory", "resources.memory");
  if (memory.useHierarchy) settings.add("useHierarchy", "memory.use_hierarchy", 1);
  settings.add("limit", "memory.limit_in_bytes", bytesOrMinusOne(memory.limit));
  settings.add("swap", "memory.memsw.limit_in_bytes", bytesOrMinusOne(memory.swap));
  settings.add("reservation", "memory.soft_limit_in_bytes", bytesOrMinusOne(memory.reservation));
  settings.add("kernel", "memory.kmem.limit_in_bytes", bytesOrMinusOne(memory.kernel));
  settings.add("kernelTCP", "memory.kmem.tcp.limit_in_bytes", bytesOrMinusOne(memory.kernelTCP));
  settings.add("swappiness", "memory.swappiness", memory.swappiness);
  settings.add("disableOOMKiller", "memory.oom_control", asDigit(memory.disableOOMKiller));
  settings.refuse("oomGroup", memory.oomGroup, 1);
  return settings.list;
}

/** cgroup-v2.rst of the kernel, "Memory"; the conversions are those of runc and crun (crun(1), "CGROUP V2"). */
export function memoryV2(memory: MemoryResources): readonly Setting[] {
  const settings = new Settings("memory", "resources.memory");
  settings.add("limit", "memory.max", bytesOrMax(memory.limit));
  settings.add("swap", "memory.swap.max", swapAlone(memory));
  settings.add("reservation", "memory.low", bytesOrMax(memory.reservation));
  settings.add("oomGroup", "memory.oom.group", asDigit(memory.oomGroup));
  settings.refuse("kernel", memory.kernel, 2, "memory.limit counts the kernel's memory too");
  settings.refuse("kernelTCP", memory.kernelTCP, 2, "memory.limit counts the kernel's memory too");
  settings.refuse("swappiness", memory.swappiness, 2, "limit memory.swap instead");
  settings.refuse("disableOOMKiller", memory.disableOOMKiller, 2);
  return settings.list;
}

/** Version 1 counts memory and swap together, version 2 swap alone. Unlimited memory without a word about swap means both. */
export function swapAlone({ limit, swap }: MemoryResources): string | undefined {
  if (swap === undefined) return limit !== undefined && bytesOf(limit) === -1 ? "max" : undefined;
  if (bytesOf(swap) === -1) return "max";
  return orMax(bytesOf(swap) - bytesOf(limit ?? 0));
}

const asDigit = (flag: boolean | undefined) => (flag === undefined ? undefined : Number(flag));
