import { existsSync } from "node:fs";
import { isSince, type KernelFeatures } from "../linux/index.ts";
import type { MemoryPolicy, Scheduler } from "../spec/index.ts";
import { unsupported } from "./unsupported.ts";

/** Refuses what this kernel's scheduler does not have. */
export function requireScheduler({ policy, flags = [] }: Scheduler, features: KernelFeatures): void {
  if (policy === "SCHED_ISO") {
    const hint = "use SCHED_OTHER with a nice value, or SCHED_BATCH";
    throw unsupported("no Linux kernel has the policy SCHED_ISO", "process.scheduler.policy", hint);
  }
  const clamps = flags.some((flag) => flag.startsWith("SCHED_FLAG_UTIL_CLAMP"));
  if (clamps && !isSince(features, 5, 3)) {
    throw unsupported("this kernel has no utilization clamps", "process.scheduler.flags", "they came with Linux 5.3");
  }
}

const NEW_MODES: Partial<Readonly<Record<MemoryPolicy["mode"], readonly [number, number]>>> = {
  MPOL_PREFERRED_MANY: [5, 15],
  MPOL_WEIGHTED_INTERLEAVE: [6, 9],
};

/** Refuses policies for memory that this kernel does not have, or all when it has nothing to choose from. */
export function requireMemoryPolicy({ mode, flags = [] }: MemoryPolicy, features: KernelFeatures): void {
  if (!existsSync("/proc/self/numa_maps")) {
    throw unsupported("this kernel has no memory policies", "memoryPolicy", "it was built without CONFIG_NUMA");
  }
  const [major, minor] = NEW_MODES[mode] ?? [0, 0];
  if (!isSince(features, major, minor)) {
    throw unsupported(`this kernel has no ${mode}`, "memoryPolicy.mode", `it came with Linux ${major}.${minor}`);
  }
  if (flags.includes("MPOL_F_NUMA_BALANCING") && !isSince(features, 5, 12)) {
    const hint = "it came with Linux 5.12";
    throw unsupported("this kernel has no MPOL_F_NUMA_BALANCING", "memoryPolicy.flags", hint);
  }
}
