import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type ContainerSpec,
  type Healthcheck,
  type HealthReport,
  type HealthStatus,
  Host,
  standard,
} from "../../src/index.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot, playground, remove } from "../support/playground.ts";

auditEachTest();
const directory = playground();
const root = busyboxRoot(`${directory}/rootfs`);
const stateDirectory = `${directory}/state`;
const executor = process.env.LIBCT_TEST_EXECUTOR;
const open = () => Host.open({ stateDirectory, ...(executor ? { executor } : {}) });
const IDLE = ["sh", "-c", "sleep 1000"];

const BASE: ContainerSpec = {
  ...standard({ userNamespace: false }),
  root,
  mounts: [...(standard({ userNamespace: false }).mounts ?? []), { destination: "/tmp", type: "tmpfs" }],
  healthcheck: { command: ["sh", "-c", "echo looked; test -e /tmp/ok"], interval: 0.1, retries: 2 },
};
const withCheck = (healthcheck: Partial<Healthcheck>): ContainerSpec => ({
  ...BASE,
  healthcheck: { command: ["true"], interval: 0.05, ...healthcheck },
});

let host: Host;
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

/** The first report of this kind. */
async function first(reports: AsyncIterable<HealthReport>, status: HealthStatus): Promise<HealthReport> {
  for await (const report of reports) if (report.status === status) return report;
  throw new Error(`it was never ${status}`);
}
/** A machine may be slow. */
const eventually = (test: () => void | Promise<void>) => vi.waitFor(test, { timeout: 30_000 });
const failure = (promise: Promise<unknown>) => promise.then(undefined, (error: unknown) => error);

describe("the health of a container with lifetime app", () => {
  it("is checked by its Host, and told to whoever looks", async () => {
    await using container = await host.create({ ...BASE, name: "checked" });
    await container.start(IDLE);
    const unhealthy = await first(container.health(), "unhealthy");
    expect(unhealthy).toMatchObject({ failingStreak: 2, last: { exitCode: 1, output: "looked\n" } });
    const found = await other.open("checked");
    await eventually(() => expect(found.info().health).toMatchObject({ status: "unhealthy" }));
    await (await container.exec(["touch", "/tmp/ok"])).wait();
    const healthy = await first(container.health(), "healthy");
    expect(healthy).toMatchObject({ failingStreak: 0, last: { exitCode: 0 } });
    await eventually(() => expect(found.info().health).toMatchObject({ status: "healthy" }));
  });

  it("is checked also when nobody else can find it", async () => {
    await using container = await host.create(BASE);
    await container.start(IDLE);
    expect(await first(container.health(), "unhealthy")).toMatchObject({ last: { output: "looked\n" } });
  });

  it("leaves nothing when it ends during a check, whose result says nothing", async () => {
    for (let round = 0; round < 5; round++) {
      const container = await host.create({
        ...withCheck({ command: ["sleep", "0.02"], interval: 0.001 }),
        name: "brief",
      });
      const child = await container.start(IDLE);
      await first(container.health(), "healthy");
      await child.kill("SIGKILL");
      await child.wait();
      expect(await failure(first(container.health(), "healthy"))).toMatchObject({ code: "ERR_CT_STATE" });
      await container[Symbol.asyncDispose]();
      expect(readdirSync(`${stateDirectory}/containers`)).not.toContain("brief");
    }
  });

  it("ends with the signal of who reads it, while the checks go on", async () => {
    await using container = await host.create({ ...withCheck({}), name: "read" });
    await container.start(IDLE);
    const stop = new AbortController();
    const taken: HealthReport[] = [];
    for await (const report of container.health(stop.signal)) {
      taken.push(report);
      stop.abort();
    }
    expect(taken).toHaveLength(1);
    expect(await first(container.health(), "healthy")).toMatchObject({ failingStreak: 0 });
  });

  it("is not checked before its command is", async () => {
    await using container = await host.create({ ...withCheck({}), name: "held" });
    await container.prepare(IDLE);
    const reports = container.health()[Symbol.asyncIterator]();
    const next = reports.next();
    expect(await failure(container.checkHealth())).toMatchObject({ code: "ERR_CT_STATE" });
    expect(container.info().health).toMatchObject({ status: "starting", last: undefined });
    await container.release();
    expect((await next).value).toMatchObject({ status: "healthy" });
  });
});

describe("a check", () => {
  it("is killed when it takes too long, and has failed", async () => {
    const command = ["sh", "-c", "echo begun; sleep 1000"];
    await using container = await host.create(withCheck({ command, timeout: 0.2, retries: 1 }));
    await container.start(IDLE);
    const { last } = await first(container.health(), "unhealthy");
    expect(last).toMatchObject({ exitCode: undefined, output: expect.stringContaining("longer than 0.2 s") });
    expect(last?.output).toContain("begun");
  });

  it("has failed when there is no such command", async () => {
    await using container = await host.create(withCheck({ command: ["/no/such"], retries: 1 }));
    await container.start(IDLE);
    const { last } = await first(container.health(), "unhealthy");
    expect(last).toMatchObject({ exitCode: undefined, output: expect.stringContaining("/no/such") });
  });

  it("may write as much as it likes: the first 4 KiB are kept", async () => {
    const command = ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i + 1)); done"];
    await using container = await host.create(withCheck({ command }));
    await container.start(IDLE);
    const { last } = await first(container.health(), "healthy");
    expect(last?.output).toHaveLength(4096);
  });

  it("needs a container that has one", async () => {
    await using container = await host.create({ ...standard({ userNamespace: false }), root });
    await container.start(IDLE);
    expect(await failure(container.checkHealth())).toMatchObject({ code: "ERR_CT_STATE", member: "healthcheck" });
  });
});

describe("the health of a container with lifetime host", () => {
  const durable = (name: string, more: Partial<ContainerSpec> = {}): ContainerSpec => ({
    ...BASE,
    lifetime: "host",
    name,
    ...more,
  });

  it("is what the last check has found, whoever has made it", async () => {
    const container = await host.create(durable("asked"));
    await container.start(IDLE);
    const found = await other.open("asked");
    expect(found.info().health).toEqual({ status: "starting", failingStreak: 0, last: undefined });
    expect(await found.checkHealth()).toMatchObject({ status: "starting", failingStreak: 1 });
    expect(await container.checkHealth()).toMatchObject({ status: "unhealthy", failingStreak: 2 });
    await (await found.exec(["touch", "/tmp/ok"])).wait();
    expect(await first(found.health(), "healthy")).toMatchObject({ last: { exitCode: 0 } });
    expect(container.info().health).toMatchObject({ status: "healthy" });
    await found.remove({ force: true });
  });

  it("is among its events, and begins anew with each run", async () => {
    const restart = { policy: "on-failure", maximumRetryCount: 1 } as const;
    const container = await host.create(durable("again", { restart }));
    await container.start(IDLE);
    const found = await other.open("again");
    const told: string[] = [];
    const events = (async () => {
      for await (const event of found.events()) {
        if (event.type === "health") told.push(event.health);
        else if (event.type === "start") told.push("start");
      }
    })();
    const stop = new AbortController();
    const watched = (async () => {
      for await (const _ of container.health(stop.signal));
    })();
    await eventually(() => expect(told).toEqual(["unhealthy"]));
    await container.kill("SIGKILL");
    await eventually(() => expect(told).toEqual(["unhealthy", "start", "unhealthy"]));
    // Also for who has started it, and has entered a former run.
    await (await container.exec(["touch", "/tmp/ok"])).wait();
    await eventually(() => expect(told).toEqual(["unhealthy", "start", "unhealthy", "healthy"]));
    stop.abort();
    await watched;
    await found.stop({ timeout: 0 });
    await events;
    await found.remove();
  });

  it("is not checked while the container stands still", async () => {
    const container = await host.create(durable("still", { resources: {} }));
    await container.start(IDLE);
    await container.pause();
    expect(await failure(container.checkHealth())).toMatchObject({ code: "ERR_CT_STATE" });
    const next = container.health()[Symbol.asyncIterator]().next();
    await container.resume();
    expect((await next).value).toMatchObject({ failingStreak: 1 });
    await container.remove({ force: true });
  });
});

describe("ct", () => {
  const [file = "", ...words] = process.env.LIBCT_TEST_CT?.split(" ") ?? [
    process.execPath,
    fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url)),
  ];
  const ct = (...line: string[]) => {
    const { status, stdout, stderr } = spawnSync(file, [...words, "--root", stateDirectory, ...line], {
      encoding: "utf8",
      input: "",
    });
    return { status, stdout, stderr };
  };
  const keepers = (name: string) =>
    readdirSync("/proc").filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`\0health\0--watch\0${name}\0`);
      } catch {
        return false; // It is no process, or has ended.
      }
    });

  it("leaves somebody in the background who checks, until the container has ended", async () => {
    const flags = ["--health-cmd", "test -e /tmp/ok", "--health-interval", "100ms", "--health-retries", "2"];
    expect(ct("run", "-d", "--name", "web", ...flags, "--tmpfs", "/tmp", root, "--", ...IDLE)).toEqual({
      status: 0,
      stdout: "web\n",
      stderr: "",
    });
    await eventually(() => expect(ct("ps").stdout).toMatch(/^web +running \(unhealthy\)/m));
    expect(ct("health", "web")).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^web unhealthy \(\d+ failed/),
    });
    ct("exec", "web", "touch", "/tmp/ok");
    expect(ct("health", "web")).toEqual({ status: 0, stdout: "web healthy\n", stderr: "" });
    expect(JSON.parse(ct("inspect", "web").stdout)).toMatchObject([{ health: { status: "healthy" } }]);
    expect(keepers("web")).toHaveLength(1);
    ct("stop", "-t", "0s", "web");
    await eventually(() => expect(keepers("web")).toEqual([]));
    ct("rm", "web");
  });

  it("begins to check a created container when it is started", async () => {
    const flags = ["--health-cmd", "true", "--health-interval", "100ms"];
    ct("create", "--name", "later", ...flags, root, "--", ...IDLE);
    expect(keepers("later")).toEqual([]);
    expect(ct("health", "later")).toMatchObject({ status: 125, stderr: expect.stringContaining("ct start later") });
    expect(ct("start", "later").status).toBe(0);
    await eventually(() => expect(ct("ps").stdout).toMatch(/^later +running \(healthy\)/m));
    ct("rm", "-f", "later");
    await eventually(() => expect(keepers("later")).toEqual([]));
  });
});
