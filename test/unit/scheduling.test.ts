import { describe, expect, it } from "vitest";
import { compileContainer, compileEnter } from "../../src/compile/index.ts";
import { explainProgram } from "../../src/explain/index.ts";
import { requireMemoryPolicy, requireScheduler } from "../../src/host/resolve-scheduling.ts";
import { kernelFeatures } from "../../src/linux/index.ts";
import type { ContainerSpec, MemoryPolicy, ProcessSpec, Scheduler } from "../../src/spec/index.ts";
import { validateSpec } from "../../src/spec/index.ts";
import { entry } from "../support/arbitrary-entry.ts";
import { resolvedBy } from "../support/arbitrary-spec.ts";
import { callsIn } from "../support/listing.ts";

const LINUX = kernelFeatures("6.12");

/** Those calls of a container's program. */
const calls = (spec: ContainerSpec, name: string) =>
  callsIn(explainProgram(compileContainer(resolvedBy({ spec }, LINUX))).toString(), name);

const member = (spec: unknown) => {
  try {
    validateSpec(spec);
    return undefined;
  } catch (error) {
    return (error as { member?: string }).member;
  }
};

describe("the scheduler of a process", () => {
  const scheduled = (scheduler: Scheduler) => calls({ process: { scheduler } }, "sched_setattr");

  it("is set by one call with all that the policy has", () => {
    expect(scheduled({ policy: "SCHED_BATCH", nice: -5 })).toEqual([
      "sched_setattr(0, {sched_policy=SCHED_BATCH, sched_nice=-5}, 0)",
    ]);
    expect(scheduled({ policy: "SCHED_RR", priority: 7, flags: ["SCHED_FLAG_RESET_ON_FORK"] })).toEqual([
      "sched_setattr(0, {sched_policy=SCHED_RR, sched_flags=SCHED_FLAG_RESET_ON_FORK, sched_priority=7}, 0)",
    ]);
    expect(scheduled({ policy: "SCHED_DEADLINE", runtime: 10_000_000, deadline: 2 ** 33, period: 2 ** 34 })).toEqual([
      "sched_setattr(0, {sched_policy=SCHED_DEADLINE, sched_runtime=10000000, sched_deadline=8589934592, sched_period=17179869184}, 0)",
    ]);
  });

  it("is set before the privileges for it go", () => {
    const spec = {
      process: { scheduler: { policy: "SCHED_IDLE" }, capabilities: {}, user: { uid: 1, gid: 1 } },
    } as const;
    const text = explainProgram(compileContainer(resolvedBy({ spec }, LINUX))).toString();
    expect(text.indexOf("sched_setattr")).toBeLessThan(text.indexOf("setresuid(1"));
    expect(text.indexOf("sched_setattr")).toBeLessThan(text.indexOf("capset"));
  });

  it("has only what belongs to its policy", () => {
    const wrong = (scheduler: object) => member({ process: { scheduler } });
    expect(wrong({ policy: "SCHED_FIFO", nice: 1, priority: 1 })).toBe("process.scheduler.nice");
    expect(wrong({ policy: "SCHED_FIFO" })).toBe("process.scheduler.priority");
    expect(wrong({ policy: "SCHED_OTHER", priority: 1 })).toBe("process.scheduler.priority");
    expect(wrong({ policy: "SCHED_OTHER", runtime: 1 })).toBe("process.scheduler.runtime");
    expect(wrong({ policy: "SCHED_DEADLINE" })).toBe("process.scheduler.runtime");
    expect(wrong({ policy: "SCHED_DEADLINE", runtime: 5000, deadline: 4000 })).toBe("process.scheduler.deadline");
    expect(wrong({ policy: "SCHED_DEADLINE", runtime: 5000, deadline: 6000, period: 5500 })).toBe(
      "process.scheduler.period",
    );
    expect(wrong({ policy: "SCHED_DEADLINE", runtime: 5000, deadline: 6000, period: 0 })).toBeUndefined();
    expect(wrong({ policy: "SCHED_OTHER", nice: 0, priority: 0 })).toBeUndefined();
    expect(wrong({ policy: "SCHED_BATCH", nice: 19 })).toBeUndefined();
  });

  it("is refused where the kernel does not have it", () => {
    expect(() => requireScheduler({ policy: "SCHED_ISO" }, LINUX)).toThrow("no Linux kernel has the policy SCHED_ISO");
    const clamped: Scheduler = { policy: "SCHED_OTHER", flags: ["SCHED_FLAG_UTIL_CLAMP_MIN"] };
    expect(() => requireScheduler(clamped, kernelFeatures("5.2"))).toThrow("they came with Linux 5.3");
    expect(() => requireScheduler(clamped, LINUX)).not.toThrow();
  });
});

describe("the I/O priority of a process", () => {
  it("is set for the process alone", () => {
    const set = (ioPriority: ProcessSpec["ioPriority"]) =>
      calls({ process: ioPriority ? { ioPriority } : {} }, "ioprio_set");
    expect(set({ class: "IOPRIO_CLASS_BE", priority: 7 })).toEqual([
      "ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7))",
    ]);
    expect(set({ class: "IOPRIO_CLASS_IDLE" })).toEqual([
      "ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0))",
    ]);
  });
});

describe("the processors of a process that enters", () => {
  const affinities = (execCPUAffinity: NonNullable<ProcessSpec["execCPUAffinity"]>) =>
    explainProgram(
      compileEnter(
        entry(LINUX, {
          process: { args: ["ps"], execCPUAffinity },
          cgroups: [{ path: "/sys/fs/cgroup/cpuset/libct-1", version: 1 }],
        }),
      ),
    )
      .toString()
      .split("\n")
      .flatMap((line) => /sched_setaffinity\(.*\)|tasks/.exec(line)?.[0] ?? []);

  it("are chosen before and after it is in its cgroup", () => {
    expect(affinities({ initial: "0-2", final: "1,64" })).toEqual([
      "sched_setaffinity(0, 8, [0-2])",
      "tasks",
      "sched_setaffinity(0, 16, [1,64])",
    ]);
    expect(affinities({ final: "1" })).toEqual(["tasks", "sched_setaffinity(0, 8, [1])"]);
  });

  it("are the cgroup's when only those before it are given", () => {
    expect(affinities({ initial: "1" })).toEqual([
      "sched_setaffinity(0, 8, [1])",
      "tasks",
      "sched_setaffinity(0, 1024, [0-1023])",
    ]);
  });

  it("do not concern the container's first process", () => {
    expect(calls({ process: { execCPUAffinity: { initial: "0", final: "0" } } }, "sched_setaffinity")).toEqual([]);
  });

  it("are ranges that run upwards, of processors that a kernel can have", () => {
    const wrong = (execCPUAffinity: object) => member({ process: { execCPUAffinity } });
    expect(wrong({ initial: "3-1" })).toBe("process.execCPUAffinity.initial");
    expect(wrong({ final: "0,8192" })).toBe("process.execCPUAffinity.final");
    expect(wrong({ final: "" })).toBe("process.execCPUAffinity.final");
    expect(wrong({ initial: "0-8191", final: "7" })).toBeUndefined();
  });
});

describe("the memory policy of a container", () => {
  const policy = (memoryPolicy: MemoryPolicy) => calls({ memoryPolicy }, "set_mempolicy");

  it("is set with one bit more than the mask has", () => {
    expect(policy({ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] })).toEqual([
      "set_mempolicy(MPOL_BIND|MPOL_F_STATIC_NODES, [0], 65)",
    ]);
    expect(policy({ mode: "MPOL_WEIGHTED_INTERLEAVE", nodes: "0-1,64" })).toEqual([
      "set_mempolicy(MPOL_WEIGHTED_INTERLEAVE, [0-1,64], 129)",
    ]);
    expect(policy({ mode: "MPOL_LOCAL" })).toEqual(["set_mempolicy(MPOL_LOCAL, NULL, 0)"]);
  });

  it("is also that of a process that enters", () => {
    const program = compileEnter(entry(LINUX, { memoryPolicy: { mode: "MPOL_LOCAL" } }));
    expect(explainProgram(program).toString()).toContain("set_mempolicy(MPOL_LOCAL, NULL, 0)");
  });

  it("has nodes where its mode takes some, and flags that go with it", () => {
    const wrong = (memoryPolicy: object) => member({ memoryPolicy });
    expect(wrong({ mode: "MPOL_DEFAULT", nodes: "0" })).toBe("memoryPolicy.nodes");
    expect(wrong({ mode: "MPOL_BIND" })).toBe("memoryPolicy.nodes");
    expect(wrong({ mode: "MPOL_BIND", nodes: "1-0" })).toBe("memoryPolicy.nodes");
    expect(wrong({ mode: "MPOL_BIND", nodes: "1024" })).toBe("memoryPolicy.nodes");
    expect(wrong({ mode: "MPOL_PREFERRED", flags: ["MPOL_F_STATIC_NODES"] })).toBe("memoryPolicy.flags");
    expect(wrong({ mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_NUMA_BALANCING"] })).toBe("memoryPolicy.flags");
    const both = ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"];
    expect(wrong({ mode: "MPOL_BIND", nodes: "0", flags: both })).toBe("memoryPolicy.flags");
    expect(wrong({ mode: "MPOL_PREFERRED" })).toBeUndefined();
    expect(wrong({ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_NUMA_BALANCING"] })).toBeUndefined();
  });

  it("is refused where the kernel does not have it", () => {
    const on = (release: string, memoryPolicy: MemoryPolicy) => () =>
      requireMemoryPolicy(memoryPolicy, kernelFeatures(release));
    expect(on("5.14", { mode: "MPOL_PREFERRED_MANY", nodes: "0" })).toThrow("it came with Linux 5.15");
    expect(on("6.8", { mode: "MPOL_WEIGHTED_INTERLEAVE", nodes: "0" })).toThrow("it came with Linux 6.9");
    expect(on("5.11", { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_NUMA_BALANCING"] })).toThrow("Linux 5.12");
    expect(on("5.0", { mode: "MPOL_BIND", nodes: "0" })).not.toThrow();
  });
});

describe("the personality of a process", () => {
  it("is a domain, also in the form of the runtime-spec, which has no flags", () => {
    expect(calls({ process: { personality: "LINUX32" } }, "personality")).toEqual(["personality(PER_LINUX32)"]);
    expect(calls({ process: { personality: { domain: "LINUX32", flags: [] } } }, "personality")).toEqual([
      "personality(PER_LINUX32)",
    ]);
    const wrong = (personality: unknown) => member({ process: { personality } });
    expect(wrong({ domain: "LINUX32", flags: ["ADDR_NO_RANDOMIZE"] })).toBe("process.personality.flags[0]");
    expect(wrong({ domain: "BSD" })).toBe("process.personality.domain");
    expect(wrong({ domain: "LINUX", flags: [] })).toBeUndefined();
  });
});
