import {
  bitmask,
  IOPRIO_CLASS,
  IOPRIO_CLASS_SHIFT,
  IOPRIO_WHO_PROCESS,
  MPOL,
  MPOL_F,
  SCHED,
  SCHED_FLAG,
} from "../linux/index.ts";
import type { BlockBuilder, Register } from "../program/index.ts";
import { parseNumbers, type Scheduler } from "../spec/index.ts";
import type { ProcessContext } from "./context.ts";

/** How the process is scheduled, for processors, disks and memory. All three last over execve(2), and need rights that the process gives up later. */
export function setScheduling(c: ProcessContext): void {
  const { init, resolved: r } = c;
  const { scheduler, ioPriority } = r.process;
  if (scheduler) {
    const attributes = init.memory.bytes(schedAttr(scheduler));
    init.at("process.scheduler").sys("sched_setattr", [0, attributes, 0], { why: "set the scheduler" });
  }
  if (ioPriority) {
    const value =
      (numberOf(IOPRIO_CLASS, "IOPRIO_CLASS_", ioPriority.class) << IOPRIO_CLASS_SHIFT) | (ioPriority.priority ?? 0);
    init.at("process.ioPriority").sys("ioprio_set", [IOPRIO_WHO_PROCESS, 0, value], { why: "set the I/O priority" });
  }
  setMemoryPolicy(c);
}

/** struct sched_attr as of Linux 5.3: an older kernel takes the longer one when what it does not know is zero. */
const SCHED_ATTR_SIZE = 56;

/** The runtime-spec has no values for the utilization clamps: they are 0 with their flags. */
function schedAttr({ policy, nice, priority, flags, runtime, deadline, period }: Scheduler): Uint8Array {
  const bytes = new Uint8Array(SCHED_ATTR_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SCHED_ATTR_SIZE, true);
  view.setUint32(4, numberOf(SCHED, "SCHED_", policy), true);
  view.setBigUint64(8, BigInt(union(SCHED_FLAG, "SCHED_FLAG_", flags)), true);
  view.setInt32(16, nice ?? 0, true);
  view.setUint32(20, priority ?? 0, true);
  [runtime, deadline, period].forEach((time, index) => {
    view.setBigUint64(24 + 8 * index, BigInt(time ?? 0), true);
  });
  return bytes;
}

function setMemoryPolicy({ init, resolved: { memoryPolicy } }: ProcessContext): void {
  if (!memoryPolicy) return;
  const { mode, nodes, flags } = memoryPolicy;
  const mask = nodes === undefined ? undefined : bitmask(parseNumbers(nodes));
  // The kernel takes one bit less than it is told (mm/mempolicy.c, get_nodes).
  const bits = mask ? mask.length * 8 + 1 : 0;
  const policy = numberOf(MPOL, "MPOL_", mode) | union(MPOL_F, "MPOL_F_", flags);
  init.at("memoryPolicy").sys("set_mempolicy", [policy, mask ? init.memory.bytes(mask) : 0, bits], {
    why: "set the memory policy",
  });
}

/** The processors of a process that enters a container, 0 being who does it: `initial` before it is in its cgroup, `final` afterwards. */
export function setAffinity(
  block: BlockBuilder,
  c: ProcessContext,
  when: "initial" | "final",
  pid: Register | 0 = 0,
): void {
  const affinity = c.resolved.process.execCPUAffinity;
  if (!affinity) return;
  const list = affinity[when];
  block.at(`process.execCPUAffinity.${when}`);
  if (list !== undefined) {
    const mask = bitmask(parseNumbers(list));
    block.sys("sched_setaffinity", [pid, mask.length, block.memory.bytes(mask)], { why: "choose the processors" });
  } else if (when === "final") {
    // All that the cgroup allows: the kernel leaves the others out of the mask.
    const all = new Uint8Array(ALL_CPUS / 8).fill(0xff);
    block.sys("sched_setaffinity", [pid, all.length, block.memory.bytes(all)], { why: "take the cgroup's processors" });
  }
}

/** The most that NR_CPUS can be. */
const ALL_CPUS = 8192;

/** The number of a name such as "SCHED_FIFO", which its group has without the prefix. */
function numberOf(table: Readonly<Record<string, number>>, prefix: string, name: string): number {
  const value = table[name.slice(prefix.length)];
  if (value === undefined) throw new RangeError(`no number for ${name}`);
  return value;
}

const union = (table: Readonly<Record<string, number>>, prefix: string, names: readonly string[] = []) =>
  names.reduce((all, name) => all | numberOf(table, prefix, name), 0);
