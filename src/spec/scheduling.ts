/** How a process is scheduled (sched_setattr(2)), by the names of the OCI runtime-spec. */
export interface Scheduler {
  readonly policy:
    | "SCHED_OTHER"
    | "SCHED_FIFO"
    | "SCHED_RR"
    | "SCHED_BATCH"
    | "SCHED_ISO"
    | "SCHED_IDLE"
    | "SCHED_DEADLINE";
  /** -20 to 19; of SCHED_OTHER and SCHED_BATCH */
  readonly nice?: number;
  /** 1 to 99; of SCHED_FIFO and SCHED_RR */
  readonly priority?: number;
  readonly flags?: readonly SchedulerFlag[];
  /** Nanoseconds; of SCHED_DEADLINE, runtime <= deadline <= period */
  readonly runtime?: number;
  readonly deadline?: number;
  readonly period?: number;
}

export type SchedulerFlag =
  | "SCHED_FLAG_RESET_ON_FORK"
  | "SCHED_FLAG_RECLAIM"
  | "SCHED_FLAG_DL_OVERRUN"
  | "SCHED_FLAG_KEEP_POLICY"
  | "SCHED_FLAG_KEEP_PARAMS"
  | "SCHED_FLAG_UTIL_CLAMP_MIN"
  | "SCHED_FLAG_UTIL_CLAMP_MAX";

/** ioprio_set(2) */
export interface IOPriority {
  readonly class: "IOPRIO_CLASS_RT" | "IOPRIO_CLASS_BE" | "IOPRIO_CLASS_IDLE";
  /** 0 (first) to 7; default 0 */
  readonly priority?: number;
}

/** Processors of a process that enters a container, as lists like "0-3,7": before and after it is in the container's cgroup (sched_setaffinity(2)). */
export interface CPUAffinity {
  readonly initial?: string;
  readonly final?: string;
}

/** Where memory comes from (set_mempolicy(2)). */
export interface MemoryPolicy {
  readonly mode:
    | "MPOL_DEFAULT"
    | "MPOL_BIND"
    | "MPOL_INTERLEAVE"
    | "MPOL_WEIGHTED_INTERLEAVE"
    | "MPOL_PREFERRED"
    | "MPOL_PREFERRED_MANY"
    | "MPOL_LOCAL";
  /** A list of nodes such as "0-1,3" */
  readonly nodes?: string;
  readonly flags?: readonly ("MPOL_F_NUMA_BALANCING" | "MPOL_F_RELATIVE_NODES" | "MPOL_F_STATIC_NODES")[];
}
