import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startExecutor, type Zygote } from "../../src/executor/index.ts";
import { enter } from "../../src/host/index.ts";
import { Plans } from "../../src/host/plans.ts";
import { type Container, type ContainerSpec, type Host, type LibctError, standard } from "../../src/index.ts";
import { identify, isRunning } from "../../src/records/process-identity.ts";
import { source as SOURCE } from "../support/as-user.ts";
import { outcome } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { inProcess } from "../support/playground.ts";
import { busyboxRoot } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();
let host: Host;
/** An executor that has not started the container. */
let zygote: Zygote;
beforeAll(async () => {
  host = await openHost();
  const executor = await startExecutor(process.env.LIBCT_TEST_EXECUTOR);
  await executor.ready;
  zygote = executor.zygote;
});
afterAll(async () => {
  await zygote.close();
  await host[Symbol.asyncDispose]();
});

const PLAIN: ContainerSpec = { ...standard({ userNamespace: false }), root };
const QUIET = { stdout: "ignore", stderr: "ignore" } as const;

async function running(spec: ContainerSpec = PLAIN): Promise<Container> {
  const container = await host.create(spec);
  await container.start(["/bin/sleep", "1000"], QUIET);
  return container;
}
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: LibctError) => error,
  );

describe("a container that does not run", () => {
  it("cannot be entered before it is started, nor when it has ended", async () => {
    await using container = await host.create(PLAIN);
    expect(await failure(container.exec(["/bin/true"]))).toMatchObject({ code: "ERR_CT_STATE" });
    const process = await container.start(["/bin/true"], QUIET);
    await process.wait();
    expect(await failure(container.exec(["/bin/true"]))).toMatchObject({
      code: "ERR_CT_STATE",
      message: expect.stringContaining("is not running"),
    });
  });

  it("cannot be entered in the moment in which it ends, or the process ends with it", async () => {
    for (let round = 0; round < 30; round++) {
      await using container = await running();
      await container.exec(["/bin/true"], QUIET);
      const entering = Array.from({ length: 4 }, () => container.exec(["/bin/sleep", "1000"], QUIET));
      void container.process?.kill("SIGKILL");
      for (const one of await Promise.allSettled(entering)) {
        if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "ERR_CT_STATE" });
        else expect(await one.value.wait()).toMatchObject({ signal: "SIGKILL" });
      }
    }
  });

  it("is told from another process that has its pid now", async () => {
    await using container = await running();
    const init = identify(container.process?.pid ?? -1);
    if (!init) throw new Error("no such process");
    const target = { name: "web", spec: PLAIN, cgroups: [] };
    const context = { zygote, surroundings: () => host.surroundings(), plans: async () => new Plans() };
    const entered = await enter(context, { ...target, init }, ["/bin/true"], QUIET);
    expect(await entered.wait()).toMatchObject({ exitCode: 0 });
    for (const other of [{ startTime: init.startTime - 1 }, { bootId: "another" }, { pid: 4194303 }]) {
      expect(await failure(enter(context, { ...target, init: { ...init, ...other } }, ["/bin/true"]))).toMatchObject({
        code: "ERR_CT_STATE",
        message: "container web has ended; hint: start it again",
      });
    }
  });

  it("takes the processes that have entered it along, also without a pid namespace", async () => {
    for (const namespaces of [["mount"], ["mount", "pid"]] as const) {
      await using container = await running({ namespaces, root });
      const process = await container.exec(["/bin/sleep", "1000"], QUIET);
      await container.process?.kill("SIGKILL");
      expect(await process.wait()).toMatchObject({ signal: "SIGKILL" });
    }
  });
});

describe("a process that enters", () => {
  it("is not executed, or killed, when the caller gives up", async () => {
    await using container = await running();
    expect(await failure(container.exec(["/bin/true"], { signal: AbortSignal.abort() }))).toMatchObject({
      code: "ERR_CT_ABORTED",
    });
    const controller = new AbortController();
    const process = await container.exec(["/bin/sleep", "1000"], { ...QUIET, signal: controller.signal });
    controller.abort();
    expect(await process.wait()).toMatchObject({ signal: "SIGKILL" });
  });

  it("leaves no descriptor open in the application", async () => {
    await using container = await running();
    const open = () => readdirSync("/proc/self/fd").length;
    await outcome(await container.exec(["/bin/true"]));
    const before = open();
    for (let round = 0; round < 5; round++) {
      await outcome(await container.exec(["/bin/sh", "-c", "echo out"]));
      await failure(container.exec(["no-such-command"]));
      await failure(container.exec({ args: ["/bin/true"], user: "nobody-here" }));
    }
    expect(open()).toBe(before);
  });

  it("keeps only to namespaces that the container has", async () => {
    await using container = await running({ root, namespaces: ["mount"] });
    expect(await failure(container.exec(["/bin/true"], { namespaces: ["pid"] }))).toMatchObject({
      code: "ERR_CT_INVALID_SPEC",
      member: "namespaces[0]",
      message: expect.stringContaining('expected one that the container has: "mount"'),
    });
    expect(await failure(container.exec(["/bin/true"], { detached: true, stdout: "pipe" }))).toMatchObject({
      member: "stdout",
    });
  });

  it("goes on without its application when it is detached, and dies with it when not", async () => {
    await using container = await running();
    const target = { name: "web", init: identify(container.process?.pid ?? -1), spec: PLAIN, cgroups: [] };
    const pids = await inProcess<number[]>(`
      const { enter } = await import("${SOURCE}/host/index.ts");
      const { startExecutor } = await import("${SOURCE}/executor/index.ts");
      const { zygote } = await startExecutor(process.env.LIBCT_TEST_EXECUTOR);
      const { Plans } = await import("${SOURCE}/host/plans.ts");
      const context = { zygote, surroundings: () => host.surroundings(), plans: async () => new Plans() };
      const target = ${JSON.stringify(target)};
      const start = (detached) => enter(context, target, ["/bin/sleep", "1000"], { detached, stdout: "ignore", stderr: "ignore" });
      const pids = [(await start(true)).pid, (await start(false)).pid];
      await zygote.close();
      return pids;`);
    const running1 = pids.map((pid) => identify(pid));
    expect(readFileSync(`/proc/${pids[0]}/comm`, "utf8")).toBe("sleep\n");
    await vi.waitFor(() => expect(pids[1] !== undefined && identify(pids[1])).toBeUndefined());
    await container.process?.kill("SIGKILL");
    await container.process?.wait();
    await vi.waitFor(() => expect(running1[0] && isRunning(running1[0])).toBe(false));
  });
});
