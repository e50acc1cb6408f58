import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerSpec, Host } from "../../src/index.ts";
import { outcome, shell } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();
let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(() => host[Symbol.asyncDispose]());

const SPEC: ContainerSpec = {
  root,
  namespaces: ["mount", "pid"],
  mounts: [{ destination: "/proc", type: "proc" }],
};

/** Field 18 of /proc/PID/stat and its followers: priority and nice value; field 41 is the policy (proc_pid_stat(5)). */
const SCHEDULED = "awk '{print $18, $19, $41}' /proc/self/stat";

describe("a process is scheduled as it is described", () => {
  it("by a nice value, whatever it gives up afterwards", async () => {
    const process = {
      scheduler: { policy: "SCHED_BATCH", nice: 7 },
      user: { uid: 1000, gid: 1000 },
      capabilities: {},
    } as const;
    expect(await shell(host, SPEC, SCHEDULED, process)).toBe("27 7 3");
  });

  it("only when nothing else is in the way", async () => {
    expect(await shell(host, SPEC, SCHEDULED, { scheduler: { policy: "SCHED_IDLE" } })).toBe("20 0 5");
  });

  it("in real time, or with an error that says what it takes", async () => {
    const run = shell(host, SPEC, SCHEDULED, { scheduler: { policy: "SCHED_RR", priority: 3 } });
    await expect(run.catch((error: Error) => error.message)).resolves.toMatch(
      /^(-4 0 2|set the scheduler.*CAP_SYS_NICE.*)$/s,
    );
  });

  it("with a priority for disks", async () => {
    const process = { ioPriority: { class: "IOPRIO_CLASS_BE", priority: 6 } } as const;
    expect(await shell(host, SPEC, "busybox ionice -p $$", process)).toBe("best-effort: prio 6");
    expect(await shell(host, SPEC, "busybox ionice -p $$", { ioPriority: { class: "IOPRIO_CLASS_IDLE" } })).toContain(
      "idle",
    );
  });

  it("when it enters a container, too", async () => {
    await using container = await host.create(SPEC);
    await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
    const args = ["/bin/sh", "-c", SCHEDULED];
    const entered = await outcome(await container.exec({ args, scheduler: { policy: "SCHED_OTHER", nice: 3 } }));
    expect(entered.stdout).toBe("23 3 0\n");
  });
});

describe("the memory of a container comes from where it is told", () => {
  const bound: ContainerSpec = {
    ...SPEC,
    memoryPolicy: { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] },
  };
  const script = "grep -c bind /proc/self/numa_maps; grep -o 'bind[^ ]*' /proc/self/numa_maps | sort -u";

  it("for its first process, and for those that enter", async () => {
    expect(await shell(host, bound, script)).toMatch(/^\d+\nbind=static:0$/);
    await using container = await host.create(bound);
    await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
    expect((await outcome(await container.exec(["/bin/sh", "-c", script]))).stdout).toMatch(/^\d+\nbind=static:0\n$/);
  });

  it("or an error says that there is no such node", async () => {
    const nowhere: ContainerSpec = { ...SPEC, memoryPolicy: { mode: "MPOL_BIND", nodes: "1023" } };
    await expect(shell(host, nowhere, "true")).rejects.toMatchObject({
      code: "ERR_CT_SYSCALL",
      errno: "EINVAL",
      member: "memoryPolicy",
      hint: expect.stringContaining("a node is not there"),
    });
  });
});

describe("a process that enters a container runs on the processors", () => {
  const allowed = "grep Cpus_allowed_list /proc/self/status";

  async function entered(spec: ContainerSpec, execCPUAffinity: { initial?: string; final?: string }): Promise<string> {
    await using container = await host.create(spec);
    await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
    const { stdout, stderr } = await outcome(
      await container.exec({ args: ["/bin/sh", "-c", allowed], execCPUAffinity }),
    );
    return stderr + (stdout.trim().split(/\s+/)[1] ?? "");
  }

  it("that it is given for the time after it is in the cgroup", async () => {
    expect(await entered({ ...SPEC, resources: {} }, { initial: "0", final: "1" })).toBe("1");
  });

  it("of the cgroup when it is given some only for the time before", async () => {
    expect(await entered({ ...SPEC, resources: { cpu: { cpus: "1" } } }, { initial: "0" })).toBe("1");
    expect(await entered(SPEC, { initial: "0" })).toBe("0-1");
  });

  it("and an error says when there are none of these", async () => {
    await expect(entered({ ...SPEC, resources: { cpu: { cpus: "1" } } }, { final: "0" })).rejects.toMatchObject({
      errno: "EINVAL",
      member: "process.execCPUAffinity.final",
      hint: expect.stringContaining("cpuset.cpus"),
    });
  });
});
