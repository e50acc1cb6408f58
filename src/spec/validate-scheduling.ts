import { invalid } from "../errors.ts";
import { wrongRange } from "./number-list.ts";
import type { CPUAffinity, MemoryPolicy, Scheduler } from "./scheduling.ts";

/** Which members belong to which policy: sched(7), and "scheduler" in the runtime-spec's config.md. */
export function checkScheduler(scheduler: Scheduler, member: string): void {
  const { policy, nice, priority } = scheduler;
  if (nice && policy !== "SCHED_OTHER" && policy !== "SCHED_BATCH") {
    throw invalid(
      `${member}.nice`,
      nice,
      `nothing with ${policy}`,
      "only SCHED_OTHER and SCHED_BATCH have a nice value",
    );
  }
  if (policy === "SCHED_FIFO" || policy === "SCHED_RR") {
    if (!priority) throw invalid(`${member}.priority`, priority, `a priority from 1 to 99, as ${policy} has no other`);
  } else if (priority) {
    const hint = "only SCHED_FIFO and SCHED_RR have a priority";
    throw invalid(`${member}.priority`, priority, `nothing with ${policy}`, hint);
  }
  checkDeadline(scheduler, member);
}

/** DL_SCALE of kernel/sched: what is shorter the kernel does not take. */
const SHORTEST_RUNTIME = 1024;

function checkDeadline({ policy, runtime = 0, deadline = 0, period = 0 }: Scheduler, member: string): void {
  if (policy !== "SCHED_DEADLINE") {
    for (const [name, value] of Object.entries({ runtime, deadline, period })) {
      if (value) throw invalid(`${member}.${name}`, value, `nothing with ${policy}`, "only SCHED_DEADLINE has times");
    }
    return;
  }
  const order = "runtime <= deadline <= period (sched(7))";
  if (runtime < SHORTEST_RUNTIME) {
    throw invalid(`${member}.runtime`, runtime, `at least ${SHORTEST_RUNTIME} nanoseconds with SCHED_DEADLINE`);
  }
  if (deadline < runtime) throw invalid(`${member}.deadline`, deadline, `at least the runtime, ${runtime}`, order);
  // Without a period it is the deadline.
  if (period && period < deadline)
    throw invalid(`${member}.period`, period, `at least the deadline, ${deadline}`, order);
}

/** The most that NR_CPUS and MAX_NUMNODES can be set to when a kernel is built. */
const LAST_CPU = 8191;
const LAST_NODE = 1023;

export function checkAffinity(affinity: CPUAffinity, member: string): void {
  for (const name of ["initial", "final"] as const) {
    const list = affinity[name];
    const wrong = list === undefined ? undefined : wrongRange(list, LAST_CPU);
    if (wrong) throw invalid(`${member}.${name}`, list, wrong);
  }
}

/** Which modes need nodes: set_mempolicy(2). MPOL_PREFERRED without any means the node that allocates. */
const NODES: Readonly<Record<MemoryPolicy["mode"], "none" | "some" | "any">> = {
  MPOL_DEFAULT: "none",
  MPOL_LOCAL: "none",
  MPOL_BIND: "some",
  MPOL_INTERLEAVE: "some",
  MPOL_WEIGHTED_INTERLEAVE: "some",
  MPOL_PREFERRED_MANY: "some",
  MPOL_PREFERRED: "any",
};

export function checkMemoryPolicy({ mode, nodes, flags = [] }: MemoryPolicy): void {
  const wanted = NODES[mode];
  if (nodes !== undefined) {
    if (wanted === "none") throw invalid("memoryPolicy.nodes", nodes, `nothing with ${mode}`, "leave it out");
    const wrong = wrongRange(nodes, LAST_NODE);
    if (wrong) throw invalid("memoryPolicy.nodes", nodes, wrong);
  } else if (wanted === "some") {
    throw invalid("memoryPolicy.nodes", nodes, `a list of nodes with ${mode}, such as "0"`);
  }
  const aboutNodes = flags.filter((flag) => flag !== "MPOL_F_NUMA_BALANCING");
  if (new Set(aboutNodes).size > 1) {
    throw invalid("memoryPolicy.flags", flags, "either MPOL_F_STATIC_NODES or MPOL_F_RELATIVE_NODES");
  }
  if (aboutNodes.length > 0 && nodes === undefined) {
    throw invalid("memoryPolicy.flags", flags, `no ${aboutNodes[0]} without nodes, which it is about`);
  }
  if (flags.includes("MPOL_F_NUMA_BALANCING") && mode !== "MPOL_BIND" && mode !== "MPOL_PREFERRED_MANY") {
    throw invalid("memoryPolicy.flags", flags, "MPOL_F_NUMA_BALANCING with MPOL_BIND or MPOL_PREFERRED_MANY only");
  }
}
