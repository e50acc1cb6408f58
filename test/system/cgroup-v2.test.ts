import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CgroupView, planCgroup, readView } from "../../src/cgroup/index.ts";
import { type Host, standard } from "../../src/index.ts";
import { ORDINARY, runScript } from "../support/as-user.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot } from "../support/rootfs.ts";

auditEachTest();

const { layout } = readView();
const top = layout.hierarchies.find(({ version }) => version === 2);
const pure = layout.kind === "v2" && ["memory", "pids"].every((name) => top?.controllers.includes(name));
if (!pure)
  console.warn(
    "SKIPPED: this machine has no cgroups of version 2 with memory and pids (the kernel matrix runs these tests)",
  );

let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(() => host[Symbol.asyncDispose]());

describe.runIf(pure)("with cgroups of version 2 alone", () => {
  it("a container has one directory, with the controllers that its limits need", async () => {
    await using container = await host.create({
      namespaces: ["mount", "pid"],
      resources: {
        memory: { limit: "32M", swap: "48M", reservation: "8M", oomGroup: true },
        pids: { limit: 9 },
        unified: { "memory.high": "30000000" },
      },
    });
    const process = await container.start(["/bin/sleep", "1000"]);
    const [directory, ...others] = container.cgroup?.directories ?? [];
    expect(others).toEqual([]);
    const read = (name: string) => readFileSync(`${directory?.path}/${name}`, "utf8").trim();
    expect(directory?.controllers).toEqual(expect.arrayContaining(["memory", "pids"]));
    expect(read("cgroup.procs")).toBe(String(process.pid));
    expect(["memory.max", "memory.low", "memory.high", "memory.oom.group", "pids.max"].map(read)).toEqual([
      "33554432",
      "8388608",
      "29999104",
      "1",
      "9",
    ]);
    if (existsSync(`${directory?.path}/memory.swap.max`)) expect(read("memory.swap.max")).toBe("16777216");
  });

  it.each([
    ["its own", { pids: { limit: 9 } }],
    ["its caller's where it has none", undefined],
  ])("a user namespace without a cgroup namespace is shown %s", async (_, resources) => {
    await using container = await host.create({
      ...standard({ userNamespace: true }),
      root: busyboxRoot(),
      namespaces: ["user", "mount", "pid"],
      mounts: [
        { destination: "/run", type: "tmpfs" },
        { destination: "/run/cgroup", type: "cgroup", options: ["nosuid", "nodev", "noexec", "relatime", "ro"] },
      ],
      ...(resources && { resources }),
    });
    const process = await container.start(
      ["/bin/sh", "-c", "mkdir /run/cgroup/new; stat -c %i /run/cgroup; sleep 1000"],
      {
        stderr: "ignore",
      },
    );
    for await (const line of process.stdout?.lines() ?? []) {
      const shown = container.cgroup?.directories[0]?.path ?? `${top?.mountPoint}${top?.own}`;
      expect(Number(line)).toBe(statSync(shown).ino);
      expect(existsSync(`${shown}/new`)).toBe(false);
      break;
    }
  });

  it("the OOM killer takes all processes with oomGroup", async () => {
    await using container = await host.create({
      namespaces: ["mount", "pid"],
      resources: { memory: { limit: "16M", oomGroup: true } },
    });
    const process = await container.start(["/bin/sh", "-c", "head -c 100M /dev/zero | tail -c 90M; echo not reached"]);
    expect(await process.wait()).toMatchObject({ signal: "SIGKILL", oomKilled: true });
  });

  it("a directory with processes is no place for a container, and the error says which and why", () => {
    const path = `${top?.mountPoint}/libct-busy-${process.pid}`;
    mkdirSync(path);
    try {
      const view: CgroupView = {
        ...readView(),
        layout: {
          kind: "v2",
          hierarchies: [{ ...(top as NonNullable<typeof top>), own: path.slice(top?.mountPoint.length) }],
        },
        writable: (file) => file === path || file.startsWith(`${path}/`),
        read: (file) =>
          file === `${path}/cgroup.procs` ? "1\n" : existsSync(file) ? readFileSync(file, "utf8") : undefined,
      };
      expect(() => planCgroup({ resources: { pids: { limit: 3 } }, name: "libct-x" }, view)).toThrow(
        /has processes|does not list pids/,
      );
    } finally {
      rmdirSync(path);
    }
  });

  it("an ordinary user limits containers where a cgroup was delegated", async () => {
    const delegated = `${top?.mountPoint}/libct-delegated-${process.pid}`;
    const directory = mkdtempSync("/tmp/libct-cgroup-");
    chmodSync(directory, 0o755);
    writeFileSync(`${top?.mountPoint}/cgroup.subtree_control`, "+memory +pids");
    mkdirSync(`${delegated}/app`, { recursive: true });
    for (const path of [delegated, `${delegated}/app`]) {
      for (const name of ["", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"])
        chownSync(path + name, ORDINARY, ORDINARY);
    }
    const [result] = await runScript(
      `await using host = await openHost();
       await using container = await host.create({ namespaces: ["user", "mount", "pid"], resources: { memory: { limit: "32M" }, pids: { limit: 5 } } });
       const process = await container.start(["/bin/sleep", "1000"]);
       await container.update({ pids: { limit: 7 } });
       await container.pause();
       await container.resume();
       report({ cgroup: container.cgroup, stats: await container.stats() });`,
      directory,
      { user: true, prepare: `echo $$ > ${delegated}/app/cgroup.procs` },
    );
    rmSync(directory, { recursive: true });
    const left = readdirSync(delegated, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    rmdirSync(`${delegated}/app`);
    rmdirSync(delegated);
    expect(left).toEqual(["app"]);
    expect(result).toMatchObject({
      cgroup: { driver: "v2", directories: [{ path: expect.stringContaining(`${delegated}/libct-`) }] },
      stats: { memory: { limit: 33554432 }, pids: { current: 1, limit: 7 } },
    });
  });

  it("`ct doctor` finds the version and what can be limited", async () => {
    const { checks } = await host.features();
    expect(checks.find(({ id }) => id === "cgroup-memory")).toMatchObject({
      available: true,
      detail: "can be made (cgroups: version 2)",
    });
  });
});

/** The rules are a program there, whatever else the machine has beside it. */
describe.runIf(top !== undefined)("the program for devices", () => {
  it("is taken by the kernel, decides, and can be replaced at once", async () => {
    const { attachForTest } = await import("../support/device-program.ts");
    const path = `${top?.mountPoint}/libct-devices-${process.pid}`;
    mkdirSync(path);
    try {
      const tries = (): string =>
        execFileSync(
          "sh",
          [
            "-c",
            `echo 0 > ${path}/cgroup.procs; for d in null zero full; do (: < /dev/$d) 2>&- && echo $d; done; true`,
          ],
          { encoding: "utf8" },
        );
      await attachForTest(path, [{ allow: true, type: "c", major: 1, minor: 3 }]);
      expect(tries()).toBe("null\n");
      await attachForTest(path, [{ allow: true }, { allow: false, type: "c", major: 1, minor: 7, access: "r" }]);
      expect(tries()).toBe("null\nzero\n");
      await attachForTest(path, [{ allow: true }]);
      expect(tries()).toBe("null\nzero\nfull\n");
    } finally {
      rmdirSync(path);
    }
  });
});
