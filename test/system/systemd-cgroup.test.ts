import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Container, Host } from "../../src/index.ts";
import { ORDINARY, runScript, source, spawnScript } from "../support/as-user.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { bootedWithSystemd, show } from "../support/systemd.ts";

auditEachTest();

const booted = bootedWithSystemd("v2");

// Where all is skipped nothing is cleaned up either.
const scratch = booted ? mkdtempSync(join(tmpdir(), "libct-systemd-")) : "";
if (booted) chmodSync(scratch, 0o755);
let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const SLEEP = ["/bin/sleep", "1000"];
const unitOf = ({ cgroup }: Container) => cgroup?.scope?.unit ?? "none";
const directoryOf = ({ cgroup }: Container) => cgroup?.directories[0]?.path ?? "none";
const read = (container: Container, file: string) => readFileSync(`${directoryOf(container)}/${file}`, "utf8").trim();

describe.runIf(booted)("a container in a scope of systemd's", () => {
  it("is where systemd says, with the limits in both places", async () => {
    await using container = await host.create({
      name: "scoped",
      namespaces: ["mount", "pid", "cgroup"],
      cgroup: { driver: "systemd", slice: "libct-test.slice" },
      resources: {
        memory: { limit: "64M", reservation: "16M" },
        cpu: { shares: 512, quota: 12345, period: 50000 },
        pids: { limit: 40 },
      },
    });
    const process = await container.start(SLEEP);
    const unit = unitOf(container);
    expect(directoryOf(container)).toBe(`/sys/fs/cgroup/libct.slice/libct-test.slice/${unit}`);
    expect(read(container, "cgroup.procs")).toBe(String(process.pid));
    expect(show(unit, "ActiveState", "Slice", "Delegate", "MemoryMax", "MemoryLow", "CPUWeight", "TasksMax")).toEqual([
      "active",
      "libct-test.slice",
      "yes",
      "67108864",
      "16777216",
      "59",
      "40",
    ]);
    expect(show(unit, "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec")).toEqual(["250ms", "50ms"]);
    expect(["memory.max", "memory.low", "cpu.weight", "pids.max"].map((file) => read(container, file))).toEqual([
      "67108864",
      "16777216",
      "59",
      "40",
    ]);
    expect(read(container, "cpu.max")).toBe("12345 50000");
    await process.kill("SIGKILL");
    await process.wait();
    // Slices stay: they are the administrator's.
    execFileSync("systemctl", ["stop", "libct.slice"]);
  });

  it("sees a cgroup namespace of its own", async () => {
    const { stdout } = await host.run(["cat", "/proc/self/cgroup"], { cgroup: { driver: "systemd" } });
    expect(stdout).toBe("0::/\n");
  });

  it("is gone with its unit when it has ended", async () => {
    await using container = await host.create({ cgroup: { driver: "systemd" }, namespaces: ["pid"] });
    const process = await container.start(SLEEP);
    const [unit, directory] = [unitOf(container), directoryOf(container)];
    expect(show(unit, "ActiveState")).toEqual(["active"]);
    await process.kill("SIGKILL");
    await process.wait();
    expect(show(unit, "LoadState", "ActiveState")).toEqual(["not-found", "inactive"]);
    expect(existsSync(directory)).toBe(false);
  });

  it("is changed in both places, and in none when the kernel refuses a part", async () => {
    await using container = await host.create({
      cgroup: { driver: "systemd" },
      resources: { memory: { limit: "64M" }, cpu: { quota: 12345, period: 50000 } },
    });
    await container.start(SLEEP);
    const unit = unitOf(container);
    await container.update({ memory: { limit: "96M" }, pids: { limit: 33 } });
    expect(show(unit, "MemoryMax", "TasksMax")).toEqual(["100663296", "33"]);
    expect(["memory.max", "pids.max"].map((file) => read(container, file))).toEqual(["100663296", "33"]);
    const refused = container.update({
      memory: { limit: "128M" },
      cpu: { quota: 20000 },
      unified: { "memory.high": "nonsense" },
    });
    await expect(refused).rejects.toMatchObject({ code: "ERR_CT_SYSCALL", member: "resources.unified.memory.high" });
    expect(show(unit, "MemoryMax", "CPUQuotaPerSecUSec")).toEqual(["100663296", "250ms"]);
    expect(["memory.max", "cpu.max"].map((file) => read(container, file))).toEqual(["100663296", "12345 50000"]);
    execFileSync("systemctl", ["daemon-reload"]);
    expect(["memory.max", "pids.max"].map((file) => read(container, file))).toEqual(["100663296", "33"]);
  });

  it("can be entered, counted, paused, and is told of kills for memory", async () => {
    await using container = await host.create({
      namespaces: ["mount", "pid"],
      cgroup: { driver: "systemd" },
      resources: { memory: { limit: "24M" } },
    });
    const process = await container.start(["/bin/sh", "-c", "read line; head -c 100M /dev/zero | tail -c 90M"], {
      stdin: "pipe",
    });
    const entered = await container.exec(["cat", "/proc/self/cgroup"]);
    expect(entered.stdout && (await text(entered.stdout))).toContain(unitOf(container));
    await entered.wait();
    expect((await container.stats()).memory?.usage).toBeGreaterThan(0);
    await container.pause();
    expect(read(container, "cgroup.events")).toContain("frozen 1");
    await container.resume();
    process.stdin?.end("go\n");
    expect((await process.wait()).oomKilled).not.toBe(false);
  });

  it("is refused a name that is taken, and whoever has it lives on", async () => {
    const spec = { cgroup: { driver: "systemd", name: "libct-taken" } } as const;
    await using first = await host.create(spec);
    const process = await first.start(SLEEP);
    await using second = await host.create(spec);
    await expect(second.start(SLEEP)).rejects.toMatchObject({ code: "ERR_CT_STATE", member: "cgroup.name" });
    expect(read(first, "cgroup.procs")).toBe(String(process.pid));
    expect(show("libct-taken.scope", "ActiveState")).toEqual(["active"]);
    await process.kill("SIGKILL");
    await process.wait();
    await (await second.start(["/bin/true"])).wait();
  });

  it("leaves nothing when its command is not there", async () => {
    await using container = await host.create({ cgroup: { driver: "systemd", name: "libct-nothing" } });
    await expect(container.start(["/no/such"])).rejects.toMatchObject({ code: "ERR_CT_COMMAND_NOT_FOUND" });
    expect(show("libct-nothing.scope", "LoadState")).toEqual(["not-found"]);
  });

  it("keeps its rules for devices when systemd loads its configuration again", async () => {
    await using container = await host.create({
      namespaces: ["mount", "pid"],
      cgroup: { driver: "systemd" },
      resources: { devices: [{ allow: true, type: "c", major: 1, minor: 3, access: "rw" }], pids: { limit: 50 } },
    });
    await container.start(SLEEP);
    const open = async (device: string) =>
      (await (await container.exec(["dd", `if=${device}`, "count=1"])).wait()).exitCode;
    const tried = async () => [await open("/dev/null"), await open("/dev/zero")];
    expect(await tried()).toEqual([0, 1]);
    execFileSync("systemctl", ["daemon-reload"]);
    await container.update({ pids: { limit: 60 } });
    expect(await tried()).toEqual([0, 1]);
  });

  it("goes when its monitor is killed", async () => {
    await using container = await host.create({ cgroup: { driver: "systemd" }, namespaces: ["pid"] });
    const started = await container.start(SLEEP);
    const unit = unitOf(container);
    const monitor = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${started.pid}/status`, "utf8"))?.[1]);
    process.kill(monitor, "SIGKILL");
    await expect(started.wait()).rejects.toMatchObject({ code: "ERR_CT_EXECUTOR" });
    expect(show(unit, "LoadState")).toEqual(["not-found"]);
  });

  it("is made by ct run", () => {
    const words = [
      "run",
      "--cgroup-driver",
      "systemd",
      "--cgroup-parent",
      "system.slice",
      "--memory",
      "32M",
      "--",
      "cat",
    ];
    const output = execFileSync("node", ["dist/cli/main.js", ...words, "/proc/self/cgroup"], { encoding: "utf8" });
    expect(output).toBe("0::/\n");
  });

  it("goes when its application is killed", async () => {
    const child = spawnScript(
      `
      const host = await openHost();
      const container = await host.create({ cgroup: { driver: "systemd", name: "libct-orphan" }, namespaces: ["pid"] });
      await container.start(["/bin/sleep", "1000"]);
      report("started");
      setInterval(() => undefined, 1000);
      `,
      scratch,
    );
    await new Promise((resolve) => child.stdout.once("data", resolve));
    expect(show("libct-orphan.scope", "ActiveState")).toEqual(["active"]);
    child.kill("SIGKILL");
    await expect.poll(() => show("libct-orphan.scope", "LoadState"), { timeout: 20_000 }).toEqual(["not-found"]);
    expect(existsSync("/sys/fs/cgroup/system.slice/libct-orphan.scope")).toBe(false);
  });

  it("outlives its application, and another one changes and stops it", async () => {
    const name = `systemd-${process.pid}`;
    await runScript(
      `
      const host = await openHost();
      const container = await host.create({ name: "${name}", lifetime: "host", cgroup: { driver: "systemd" }, namespaces: ["pid"] });
      await container.start(["/bin/sleep", "1000"]);
      await host[Symbol.asyncDispose]();
      report("started");
      `,
      scratch,
    );
    const found = await host.open(name);
    const unit = unitOf(found);
    expect(show(unit, "ActiveState", "SubState")).toEqual(["active", "running"]);
    await found.update({ memory: { limit: "80M" } });
    expect(show(unit, "MemoryMax")).toEqual(["83886080"]);
    await found.stop({ timeout: 1 });
    await found.remove();
    await expect.poll(() => show(unit, "LoadState"), { timeout: 20_000 }).toEqual(["not-found"]);
  });
});

describe.runIf(booted && existsSync(`/run/user/${ORDINARY}`))("an ordinary user with a manager of his own", () => {
  const env = { XDG_RUNTIME_DIR: `/run/user/${ORDINARY}` };

  it("has limits, in a scope of his own", async () => {
    const [result] = await runScript(
      `
      import { readFileSync } from "node:fs";
      const host = await openHost();
      const container = await host.create({
        ...ct.standard({ userNamespace: true }),
        root: ct.hostRoot(),
        name: "mine",
        cgroup: { driver: "systemd" },
        resources: { memory: { limit: "64M" }, pids: { limit: 30 } },
      });
      const process = await container.start(["/bin/sleep", "1000"]);
      const directory = container.cgroup.directories[0].path;
      const read = (file) => readFileSync(directory + "/" + file, "utf8").trim();
      const before = [read("memory.max"), read("pids.max"), read("cgroup.procs") === String(process.pid)];
      await container.update({ memory: { limit: "80M" } });
      const entered = await container.exec(["cat", "/proc/self/cgroup"]);
      const inside = [];
      for await (const line of entered.stdout.lines()) inside.push(line);
      const status = await entered.wait();
      report({ directory, before, after: read("memory.max"), inside, status: status.exitCode, scope: container.cgroup.scope });
      await host[Symbol.asyncDispose]();
      `,
      scratch,
      { user: true, env },
    );
    expect(result).toMatchObject({
      directory: expect.stringMatching(
        new RegExp(
          `^/sys/fs/cgroup/user.slice/user-${ORDINARY}.slice/user@${ORDINARY}.service/user.slice/libct-mine-.*scope$`,
        ),
      ),
      before: ["67108864", "30", true],
      after: "83886080",
      inside: ["0::/"],
      status: 0,
      scope: { manager: "user", slice: "user.slice" },
    });
  });

  it("is told which controller his manager lacks", async () => {
    const [message] = await runScript(
      `
      const host = await openHost();
      const container = await host.create({ cgroup: { driver: "systemd" }, resources: { blockIO: { weight: 100 } } });
      await container.start(["/bin/true"]).catch((error) => report(error.message));
      await host[Symbol.asyncDispose]();
      `,
      scratch,
      { user: true, env },
    );
    expect(message).toContain("Delegate=cpu memory pids io");
  });

  it("is told where his manager was looked for when there is none", async () => {
    const [error] = await runScript(
      `
      const host = await openHost();
      const container = await host.create({ cgroup: { driver: "systemd" } });
      await container.start(["/bin/true"]).catch((error) => report(error.toJSON()));
      await host[Symbol.asyncDispose]();
      `,
      scratch,
      { user: true, env: { XDG_RUNTIME_DIR: "/nowhere" } },
    );
    expect(error).toMatchObject({ code: "ERR_CT_NOT_SUPPORTED", path: "/nowhere/bus" });
  });

  it("is refused by the machine's manager", async () => {
    const [error] = await runScript(
      `
      import { Systemd } from "${source}/systemd/index.ts";
      const systemd = await Systemd.open({ kind: "system", uid: process.getuid() });
      const properties = [["PIDs", { signature: "au", value: [process.pid] }]];
      await systemd.startScope("libct-refused.scope", properties).catch((error) => report(error.toJSON()));
      systemd[Symbol.dispose]();
      `,
      scratch,
      { user: true, env },
    );
    expect(error).toMatchObject({ code: "ERR_CT_NOT_PERMITTED" });
  });
});
