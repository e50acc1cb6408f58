import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type Container,
  type ContainerEvent,
  type ContainerSpec,
  Host,
  type LogEntry,
  overlay,
  standard,
} from "../../src/index.ts";
import { ORDINARY, runScript, spawnScript } from "../support/as-user.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot, playground, remove } from "../support/playground.ts";

auditEachTest();
const directory = playground();
const root = busyboxRoot(`${directory}/rootfs`);
const stateDirectory = `${directory}/state`;
const executor = process.env.LIBCT_TEST_EXECUTOR;
const open = () => Host.open({ stateDirectory, ...(executor ? { executor } : {}) });
const BASE: ContainerSpec = { ...standard({ userNamespace: false }), root };
const DURABLE: ContainerSpec = { ...BASE, lifetime: "host" };

let host: Host;
/** Another process's view: it has started nothing. */
let other: Host;
beforeAll(async () => {
  host = await open();
  other = await open();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  remove(directory);
});

async function started(spec: ContainerSpec, ...command: string[]): Promise<Container> {
  const container = await host.create(spec);
  await container.start(command);
  return container;
}
async function textOf(entries: AsyncIterable<LogEntry>): Promise<string> {
  let text = "";
  for await (const { stream, data } of entries) text += `${stream}: ${Buffer.from(data)}`;
  return text;
}
/** But for those of the cgroup. */
async function eventsOf(container: Container): Promise<ContainerEvent[]> {
  const events: ContainerEvent[] = [];
  for await (const event of container.events()) {
    if (event.type === "exit" || event.type === "start") events.push(event);
  }
  return events;
}
/** A machine may be slow. */
const eventually = (test: () => void | Promise<void>) => vi.waitFor(test, { timeout: 30_000 });
const failure = (promise: Promise<unknown>) => promise.then(undefined, (error: unknown) => error);

describe("a container with lifetime host", () => {
  it("is found by its name, with its output and how it ended", async () => {
    await started({ ...DURABLE, name: "web" }, "sh", "-c", "echo out; echo err >&2; exit 7");
    const found = await other.open("web");
    expect(await found.wait()).toMatchObject({ exitCode: 7, signal: null });
    const log = await textOf(found.logs());
    expect(log).toContain("stdout: out\n");
    expect(log).toContain("stderr: err\n");
    expect(found.info()).toMatchObject({ status: "stopped", lost: false, args: ["sh", "-c", expect.any(String)] });
    await found.remove();
    expect(await failure(other.open("web"))).toMatchObject({ code: "ERR_CT_NO_SUCH_CONTAINER" });
  });

  it("goes on when the application that made it is killed, and others do everything with it", async () => {
    const script = `
      const host = await ct.Host.open({ stateDirectory: ${JSON.stringify(stateDirectory)}, executor: process.env.LIBCT_TEST_EXECUTOR });
      const spec = { ...ct.standard({ userNamespace: false }), root: ${JSON.stringify(root)}, name: "orphan", lifetime: "host" };
      const container = await host.create({ ...spec, resources: { memory: { limit: "64M" } } });
      await container.start(["sh", "-c", "trap 'echo asked; exit 3' TERM; echo begun; while :; do sleep 0.1; done"]);
      report("started");
      setInterval(() => undefined, 1000);`;
    const application = spawnScript(script, directory);
    await new Promise((resolve) => application.stdout.once("data", resolve));
    const closed = new Promise((resolve) => application.once("close", resolve));
    application.kill("SIGKILL");
    await closed;

    const found = await other.open("orphan");
    expect(found.status().status).toBe("running");
    expect((await other.list()).map(({ name }) => name)).toContain("orphan");
    const child = await found.exec(["sh", "-c", "echo entered"], { stdout: "pipe" });
    expect(await child.stdout?.lines()[Symbol.asyncIterator]().next()).toMatchObject({ value: "entered" });
    await child.wait();
    expect((await found.stats()).memory?.limit).toBe(64 << 20);
    await found.update({ memory: { limit: "128M" } });
    expect((await found.stats()).memory?.limit).toBe(128 << 20);
    await found.pause();
    expect(found.status().status).toBe("paused");
    expect(await failure(found.exec(["true"]))).toMatchObject({ code: "ERR_CT_STATE" });
    await found.resume();
    expect(found.status().status).toBe("running");
    await found.stop();
    expect(await found.wait()).toMatchObject({ exitCode: 3 });
    expect(await textOf(found.logs())).toBe("stdout: begun\nstdout: asked\n");
    await found.remove();
  });

  it("is only let go of when its Container or Host is closed", async () => {
    const own = await open();
    const container = await own.create({ ...DURABLE, name: "kept" });
    await container.start(["sleep", "60"]);
    await container[Symbol.asyncDispose]();
    await own[Symbol.asyncDispose]();
    const found = await other.open("kept");
    expect(found.status().status).toBe("running");
    await found.remove({ force: true });
  });

  it("removes itself when it has ended, if that is wanted", async () => {
    await started({ ...DURABLE, name: "gone", autoRemove: true }, "true");
    await eventually(() => expect(existsSync(`${stateDirectory}/containers/gone`)).toBe(false));
    expect(await failure(other.open("gone"))).toMatchObject({ code: "ERR_CT_NO_SUCH_CONTAINER" });
  });

  it("tells those in other processes who wait for it how it ended, also when it removes itself or ends with its application", async () => {
    const specs = [
      { ...DURABLE, name: "awaited", autoRemove: true, resources: {} },
      { ...BASE, name: "awaited-app" },
    ];
    for (const spec of specs) {
      const container = await started(spec, "sh", "-c", "while [ ! -e /go ]; do sleep 0.05; done; exit 7");
      const found = await other.open(spec.name);
      const waiting = [found.wait(), (await other.open(spec.name)).wait()];
      writeFileSync(`${root}/go`, "");
      expect(await Promise.all(waiting)).toMatchObject([{ exitCode: 7 }, { exitCode: 7 }]);
      rmSync(`${root}/go`);
      expect(await container.wait()).toMatchObject({ exitCode: 7 });
      await eventually(() => expect(existsSync(`${stateDirectory}/containers/${spec.name}`)).toBe(false));
      expect(await failure(found.wait())).toMatchObject({ code: "ERR_CT_NO_SUCH_CONTAINER" });
    }
  });

  it("leaves no work directory beside its overlay's upper one, and takes nothing of others", async () => {
    const upper = `${directory}/upper`;
    const work = `${upper}-work`;
    mkdirSync(upper);
    const run = async () => {
      const spec = { ...DURABLE, name: "layered", root: overlay({ lower: [root], upper }) };
      const container = await started(spec, "sh", "-c", "rm /bin/true; echo kept > /kept; sleep 0.2");
      expect(existsSync(`${work}/work`)).toBe(true);
      await container[Symbol.asyncDispose]();
      const found = await other.open("layered");
      await found.wait();
      await found.remove();
    };
    await run();
    expect(readFileSync(`${upper}/kept`, "utf8")).toBe("kept\n");
    expect(existsSync(work)).toBe(false);
    mkdirSync(work);
    writeFileSync(`${work}/mine`, "");
    await run();
    expect(readdirSync(work)).toEqual(["mine"]);
    rmSync(work, { recursive: true });
    rmSync(upper, { recursive: true });
  });

  it("is removed under its new name, too", async () => {
    const container = await started({ ...DURABLE, name: "before", autoRemove: true }, "sleep", "60");
    await (await other.open("before")).rename("after");
    const found = await other.open("after");
    await found.kill("SIGKILL");
    await container.wait();
    await eventually(() => expect(readdirSync(`${stateDirectory}/containers`)).toEqual([]));
  });

  it("writes to its log without end in limited space", async () => {
    const container = await started(
      { ...DURABLE, name: "chatty", log: { maxSize: 8192 } },
      "sh",
      "-c",
      "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done",
    );
    await container.wait();
    const found = await other.open("chatty");
    const files = ["log", "log.1"].map((name) => readFileSync(`${found.info().directory}/${name}`).length);
    expect(Math.max(...files)).toBeLessThan(8192 + 16384);
    expect((await textOf(found.logs())).endsWith("line 1999\n")).toBe(true);
    await found.remove();
  });

  it("passes what is written to its input on, and its output to whoever attaches", async () => {
    const container = await host.create({ ...DURABLE, name: "cat" });
    await container.start(["cat"], { stdin: "pipe" });
    const { input, output } = (await other.open("cat")).attach();
    input?.write("ping\n");
    const { value } = await output.next();
    expect(Buffer.from(value?.data ?? "").toString()).toBe("ping\n");
    input?.end();
    await container.remove({ force: true });
    await output.return(undefined);
  });

  it("with a terminal has a size that others set, and its output in the log", async () => {
    const container = await host.create({ ...DURABLE, name: "tty", process: { terminal: true } });
    await container.start({ args: ["sh", "-c", "read x; stty size; exit 5"], terminal: true }, { stdin: "pipe" });
    const found = await other.open("tty");
    const { input, resize } = found.attach();
    await resize(77, 11);
    input?.write("\n");
    expect(await found.wait()).toMatchObject({ exitCode: 5 });
    expect(await textOf(found.logs())).toContain("11 77");
    input?.end();
    await found.remove();
  });

  it("needs ids as its user when it may be started again", async () => {
    const restart = { policy: "always" } as const;
    const container = await host.create({ ...DURABLE, name: "named", restart, process: { user: "app" } });
    expect(await failure(container.start(["true"]))).toMatchObject({ member: "process.user" });
    await container[Symbol.asyncDispose]();
  });
});

describe("a restart policy", () => {
  it("on-failure starts a container again, as often as it says, and then tells the last end", async () => {
    const restart = { policy: "on-failure", maximumRetryCount: 2 } as const;
    await started({ ...DURABLE, name: "again", restart }, "sh", "-c", "echo run; exit 9");
    const found = await other.open("again");
    expect(await found.wait()).toMatchObject({ exitCode: 9 });
    expect(await textOf(found.logs())).toBe("stdout: run\n".repeat(3));
    await found.remove();
  });

  it("on-failure leaves a success alone", async () => {
    const container = await started({ ...DURABLE, name: "fine", restart: { policy: "on-failure" } }, "true");
    expect(await container.wait()).toMatchObject({ exitCode: 0 });
    await container.remove();
  });

  it("always goes on until somebody stops it, also while it waits for its next start", async () => {
    await started({ ...DURABLE, name: "ever", restart: { policy: "always" } }, "sh", "-c", "echo run");
    const found = await other.open("ever");
    await eventually(async () =>
      expect((await textOf(found.logs())).length).toBeGreaterThan("stdout: run\n".length * 2),
    );
    await found.stop();
    expect(found.status()).toMatchObject({ status: "stopped", restarting: false });
    expect(await found.wait()).toMatchObject({ exitCode: 0 });
    await found.remove();
  });

  it("is told of by events: the end of each run, and each start with its number, without cgroups too", async () => {
    const restart = { policy: "on-failure", maximumRetryCount: 2 } as const;
    for (const [name, more] of [
      ["told-bare", {}],
      ["told", { resources: {} }],
    ] as const) {
      const spec = { ...DURABLE, ...more, name, restart };
      const container = await started(spec, "sh", "-c", "sleep 0.3; exit 9");
      const found = await other.open(name);
      const own = eventsOf(container);
      const end = { type: "exit", count: 1, status: expect.objectContaining({ exitCode: 9 }) };
      const start = (restarts: number) => ({ type: "start", count: 1, restarts });
      expect(await eventsOf(found)).toEqual([end, start(1), end, start(2), end]);
      expect(await own).toEqual([end, start(1), end, start(2), end]);
      expect(found.info().restarts).toBe(2);
      await found.remove();
    }
  });

  it("does not try again what could not be made at first", async () => {
    const container = await host.create({ ...DURABLE, name: "never", restart: { policy: "always" } });
    expect(await failure(container.start(["/no/such/command"]))).toMatchObject({ code: "ERR_CT_COMMAND_NOT_FOUND" });
    expect(await failure(other.open("never"))).toMatchObject({ code: "ERR_CT_NO_SUCH_CONTAINER" });
    await container[Symbol.asyncDispose]();
  });
});

describe("a container that is held before its command", () => {
  it("is created, is started by another process, and then runs", async () => {
    const container = await host.create({ ...DURABLE, name: "held" });
    await container.prepare(["sh", "-c", "echo at last; sleep 60"]);
    const found = await other.open("held");
    expect(found.status().status).toBe("created");
    expect(await textOf(found.logs())).toBe("");
    await found.release();
    expect(found.status().status).toBe("running");
    expect(await failure(found.release())).toMatchObject({ code: "ERR_CT_STATE" });
    await eventually(async () => expect(await textOf(found.logs())).toBe("stdout: at last\n"));
    await found.remove({ force: true });
  });

  it("can be stopped before it was started", async () => {
    const container = await host.create({ ...DURABLE, name: "unborn" });
    await container.prepare(["true"]);
    const found = await other.open("unborn");
    await found.stop();
    expect(found.status().status).toBe("stopped");
    await found.remove();
  });
});

describe("a container that ends with its application", () => {
  it("is found by others while it runs, when it has a name, and leaves nothing", async () => {
    const container = await started({ ...BASE, name: "short" }, "sleep", "60");
    const found = await other.open("short");
    expect(found.info()).toMatchObject({ status: "running", lifetime: "app" });
    expect(() => found.attach()).toThrow(/streams of short are those of the application/);
    await found.stop({ timeout: 1 });
    expect(await container.wait()).toMatchObject({ signal: "SIGKILL" });
    expect(readdirSync(`${stateDirectory}/containers`)).toEqual([]);
  });

  it("leaves nothing when its monitor is killed", async () => {
    const container = await started({ ...BASE, name: "lost", resources: {} }, "sleep", "60");
    const paths = container.cgroup?.directories.map(({ path }) => path) ?? [];
    expect(paths.length).toBeGreaterThan(0);
    const init = container.process?.pid ?? -1;
    process.kill(parentOf(init), "SIGKILL");
    expect(await failure(container.wait())).toMatchObject({ code: "ERR_CT_EXECUTOR" });
    expect(paths.filter((path) => existsSync(path))).toEqual([]);
    expect(readdirSync(`${stateDirectory}/containers`)).toEqual([]);
  });
});

const parentOf = (pid: number) => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

describe("the truth about a container", () => {
  it("is told when its monitor was killed, and what is left is removed", async () => {
    const container = await started({ ...DURABLE, name: "unknown" }, "sleep", "60");
    process.kill(parentOf(container.process?.pid ?? -1), "SIGKILL");
    await failure(container.wait());
    const found = await other.open("unknown");
    expect(found.status()).toMatchObject({ status: "stopped", lost: true });
    expect(await failure(found.wait())).toMatchObject({
      code: "ERR_CT_STATE",
      message: expect.stringMatching(/monitor was killed/),
    });
    await found.remove();
  });

  it("is repaired after application and monitor were both killed", async () => {
    const script = `
      const host = await ct.Host.open({ stateDirectory: ${JSON.stringify(stateDirectory)}, executor: process.env.LIBCT_TEST_EXECUTOR });
      const container = await host.create({ ...ct.standard({ userNamespace: false }), root: ${JSON.stringify(root)}, name: "wreck", resources: {} });
      const child = await container.start(["sleep", "60"]);
      report({ pid: child.pid, executor: host.executorPid });
      setInterval(() => undefined, 1000);`;
    const application = spawnScript(script, directory);
    const told = await new Promise<Buffer>((resolve) => application.stdout.once("data", resolve));
    const { pid, executor: zygote } = JSON.parse(`${told}`) as { pid: number; executor: number };
    const monitor = parentOf(pid);
    const found = await other.open("wreck");
    const paths = found.cgroup?.directories.map(({ path }) => path) ?? [];
    // All at once: the monitor must not see its application go.
    for (const one of [zygote, application.pid ?? -1]) process.kill(one, "SIGSTOP");
    process.kill(monitor, "SIGKILL");
    for (const one of [zygote, application.pid ?? -1]) process.kill(one, "SIGKILL");
    await new Promise((resolve) => application.once("close", resolve));
    await eventually(() => expect(found.status()).toMatchObject({ status: "stopped", lost: true }));
    const repairs = await other.repair();
    expect(repairs.map(({ path }) => path)).toEqual(
      expect.arrayContaining([...paths, `${stateDirectory}/containers/wreck`]),
    );
    expect(paths.filter((path) => existsSync(path))).toEqual([]);
  });

  it("is told of a record that cannot be read, which only force removes", async () => {
    mkdirSync(`${stateDirectory}/containers/bad`);
    writeFileSync(`${stateDirectory}/containers/bad/record.json`, '{"version":');
    const [listed] = (await other.list()).filter(({ name }) => name === "bad");
    expect(listed).toMatchObject({ error: { code: "ERR_CT_STATE" } });
    const bad = await other.open("bad");
    expect(await failure(bad.remove())).toMatchObject({ code: "ERR_CT_STATE" });
    await bad.remove({ force: true });
    expect(readdirSync(`${stateDirectory}/containers`)).toEqual([]);
  });
});

describe("faults", () => {
  it("two creates of one name at once: one of them wins", async () => {
    const both = await Promise.allSettled(
      [host, other].map(async (one) => {
        const container = await one.create({ ...DURABLE, name: "twin" });
        await container.start(["sleep", "60"]);
      }),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const [lost] = both.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
    expect(lost).toMatchObject({ code: "ERR_CT_NAME_IN_USE" });
    await (await other.open("twin")).remove({ force: true });
    for (const one of [...host.containers, ...other.containers]) await one[Symbol.asyncDispose]();
  });

  it("a state directory that is full: the start fails, and nothing is left of it", async () => {
    const full = `${directory}/full`;
    mkdirSync(full);
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=4k,nr_inodes=3,mode=700", "tmpfs", full]);
    try {
      await using own = await Host.open({ stateDirectory: full, ...(executor ? { executor } : {}) });
      const container = await own.create({ ...DURABLE, name: "web" });
      expect(await failure(container.start(["true"]))).toMatchObject({ code: "ERR_CT_STATE", errno: "ENOSPC" });
      expect(readdirSync(`${full}/containers`)).toEqual([]);
    } finally {
      spawnSync("umount", [full]);
    }
  });

  it("a log on a full disk tells how much was lost, and the container goes on", async () => {
    const full = `${directory}/full-log`;
    mkdirSync(full);
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", full]);
    try {
      await using own = await Host.open({ stateDirectory: full, ...(executor ? { executor } : {}) });
      const container = await own.create({ ...DURABLE, name: "web" });
      const script = "dd if=/dev/zero bs=1k count=256 2>/dev/null; echo done; read x; echo more; exit 4";
      await container.start(["sh", "-c", script], { stdin: "pipe" });
      await eventually(() => expect(readFileSync(`${full}/containers/web/log`).length).toBeGreaterThan(16000));
      spawnSync("mount", ["-o", "remount,size=1m", full]);
      const { input } = container.attach();
      input?.write("\n");
      expect(await container.wait()).toMatchObject({ exitCode: 4 });
      input?.end();
      const entries: LogEntry[] = [];
      for await (const entry of container.logs()) entries.push(entry);
      const lost = entries.reduce((sum, entry) => sum + entry.lost, 0);
      const kept = entries.reduce((sum, entry) => sum + entry.data.length, 0);
      expect(lost).toBeGreaterThan(100_000);
      expect(lost + kept).toBe(256 * 1024 + "done\nmore\n".length);
      await container.remove();
    } finally {
      spawnSync("umount", [full]);
    }
  });

  it("how a container ended is written down on a disk that has become full", async () => {
    const full = `${directory}/full-end`;
    mkdirSync(full);
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", full]);
    try {
      await using own = await Host.open({ stateDirectory: full, ...(executor ? { executor } : {}) });
      const container = await own.create({ ...DURABLE, name: "web" });
      await container.start(["sh", "-c", "read x; exit 6"], { stdin: "pipe" });
      spawnSync("dd", ["if=/dev/zero", `of=${full}/filler`, "bs=1k"]);
      const { input } = container.attach();
      input?.end("\n");
      await container.wait();
      const found = await own.open("web");
      expect(found.info().exit).toMatchObject({ exitCode: 6 });
      await found.remove();
    } finally {
      spawnSync("umount", [full]);
    }
  });

  it("a read-only state directory is an error that names it", async () => {
    const readonly = `${directory}/readonly`;
    mkdirSync(readonly);
    spawnSync("mount", ["-t", "tmpfs", "-o", "ro,mode=700", "tmpfs", readonly]);
    try {
      await using own = await Host.open({ stateDirectory: readonly, ...(executor ? { executor } : {}) });
      const container = await own.create({ ...DURABLE, name: "web" });
      expect(await failure(container.start(["true"]))).toMatchObject({ code: "ERR_CT_STATE", errno: "EROFS" });
    } finally {
      spawnSync("umount", [readonly]);
    }
  });

  it("a state directory that others can change is refused", async () => {
    const shared = `${directory}/shared`;
    mkdirSync(shared, { mode: 0o777 });
    spawnSync("chmod", ["777", shared]);
    await using own = await Host.open({ stateDirectory: shared, ...(executor ? { executor } : {}) });
    expect(await failure(own.create({ ...DURABLE, name: "web" }))).toMatchObject({ code: "ERR_CT_NOT_PERMITTED" });
  });
});

describe("an ordinary user's container", () => {
  it("outlives its application, and another process of the user finds and stops it", async () => {
    const state = `${directory}/user-state`;
    mkdirSync(state);
    spawnSync("chown", [`${ORDINARY}`, state]);
    const prelude = `
      const host = await ct.Host.open({ stateDirectory: ${JSON.stringify(state)}, executor: process.env.LIBCT_TEST_EXECUTOR });`;
    const make = `${prelude}
      const spec = { ...ct.standard({ userNamespace: true }), root: ${JSON.stringify(root)}, name: "mine", lifetime: "host" };
      const container = await host.create(spec);
      await container.start(["sh", "-c", "echo user; sleep 60"]);
      report(container.status().status);
      await host[Symbol.asyncDispose]();`;
    expect(await runScript(make, directory, { user: true })).toEqual(["running"]);
    const use = `${prelude}
      const container = await host.open("mine");
      const before = container.status().status;
      const child = await container.exec(["id", "-u"], { stdout: "pipe" });
      let id = "";
      for await (const line of child.stdout.lines()) id += line;
      await container.stop();
      const { signal } = await container.wait();
      let log = "";
      for await (const { data } of container.logs()) log += Buffer.from(data);
      await container.remove();
      report({ before, id, signal, log });
      await host[Symbol.asyncDispose]();`;
    expect(await runScript(use, directory, { user: true })).toEqual([
      { before: "running", id: "0", signal: "SIGKILL", log: "user\n" },
    ]);
  });
});
