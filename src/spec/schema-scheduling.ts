import type { CPUAffinity, IOPriority, MemoryPolicy, Scheduler, SchedulerFlag } from "./scheduling.ts";
import { integer, list, object, oneOf, textThat } from "./schema-base.ts";

/** "0-3,7" (cpuset(7), "List format") */
const numbers = textThat(
  (input) => /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(input),
  'a list of numbers and ranges, such as "0-3,7"',
);

const nanoseconds = integer(0, Number.MAX_SAFE_INTEGER);

export const scheduler = object<Scheduler>(
  {
    policy: oneOf<Scheduler["policy"]>({
      SCHED_OTHER: true,
      SCHED_FIFO: true,
      SCHED_RR: true,
      SCHED_BATCH: true,
      SCHED_ISO: true,
      SCHED_IDLE: true,
      SCHED_DEADLINE: true,
    }),
  },
  {
    nice: integer(-20, 19),
    priority: integer(0, 99),
    flags: list(
      oneOf<SchedulerFlag>({
        SCHED_FLAG_RESET_ON_FORK: true,
        SCHED_FLAG_RECLAIM: true,
        SCHED_FLAG_DL_OVERRUN: true,
        SCHED_FLAG_KEEP_POLICY: true,
        SCHED_FLAG_KEEP_PARAMS: true,
        SCHED_FLAG_UTIL_CLAMP_MIN: true,
        SCHED_FLAG_UTIL_CLAMP_MAX: true,
      }),
    ),
    runtime: nanoseconds,
    deadline: nanoseconds,
    period: nanoseconds,
  },
);

export const ioPriority = object<IOPriority>(
  {
    class: oneOf<IOPriority["class"]>({ IOPRIO_CLASS_RT: true, IOPRIO_CLASS_BE: true, IOPRIO_CLASS_IDLE: true }),
  },
  { priority: integer(0, 7) },
);

export const execCPUAffinity = object<CPUAffinity>({}, { initial: numbers, final: numbers });

const MODES = {
  MPOL_DEFAULT: true,
  MPOL_BIND: true,
  MPOL_INTERLEAVE: true,
  MPOL_WEIGHTED_INTERLEAVE: true,
  MPOL_PREFERRED: true,
  MPOL_PREFERRED_MANY: true,
  MPOL_LOCAL: true,
} as const satisfies Record<MemoryPolicy["mode"], true>;
const MODE_FLAGS = { MPOL_F_NUMA_BALANCING: true, MPOL_F_RELATIVE_NODES: true, MPOL_F_STATIC_NODES: true } as const;

export const memoryPolicy = object<MemoryPolicy>(
  { mode: oneOf<MemoryPolicy["mode"]>(MODES) },
  { nodes: numbers, flags: list(oneOf<NonNullable<MemoryPolicy["flags"]>[number]>(MODE_FLAGS)) },
);

/** All that a memory policy may name. */
export const memoryPolicyNames = () => ({ modes: Object.keys(MODES), flags: Object.keys(MODE_FLAGS) });
