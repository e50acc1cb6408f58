import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Cgroup,
  type CgroupView,
  canLimit,
  freeze,
  isFrozen,
  killAll,
  pidsOf,
  readStats,
  readUsage,
  readView,
  removeCgroup,
  thaw,
  update,
} from "../../src/cgroup/index.ts";
import type { Container, ContainerSpec, Host, Process } from "../../src/index.ts";
import { runScript } from "../support/as-user.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";

auditEachTest();

let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(() => host[Symbol.asyncDispose]());

const { kind } = readView().layout;
/** A named hierarchy has nothing to count or to limit. */
const places = readView().layout.hierarchies.filter(
  ({ version, controllers }) => version === 2 || controllers.length > 0,
).length;
const hasCpuset = readView().layout.hierarchies.some(({ controllers }) => controllers.includes("cpuset"));
const hugetlb = readView().layout.hierarchies.find(({ controllers }) => controllers.includes("hugetlb"));
const hasHugepages = hugetlb !== undefined && existsSync("/sys/kernel/mm/hugepages/hugepages-2048kB");
const inVersion1 = kind === "v1" || kind === "hybrid";

/** Takes 90 MB of memory. */
const HUNGRY = "head -c 100M /dev/zero | tail -c 90M >/dev/null";

const SPEC: ContainerSpec = { namespaces: ["mount", "pid"] };

/** A container that has written the line "ready" and then waits. */
async function started(
  spec: ContainerSpec,
  script = "",
): Promise<{ container: Container; process: Process; cgroup: Cgroup } & AsyncDisposable> {
  const container = await host.create({ ...SPEC, ...spec });
  const process = await container.start(["/bin/sh", "-c", `${script} echo ready; exec sleep 1000`]);
  for await (const line of process.stdout?.lines() ?? []) if (line === "ready") break;
  const { cgroup } = container;
  if (!cgroup) throw new Error("the container has no cgroup");
  return { container, process, cgroup, [Symbol.asyncDispose]: () => container[Symbol.asyncDispose]() };
}

async function linesOf(process: Process): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of process.stdout?.lines() ?? []) lines.push(line);
  return lines;
}

/** A file of the container's cgroup, of whichever version has it. */
const file = ({ directories }: Cgroup, name: string): string => {
  const directory = directories.find(({ path }) => existsSync(`${path}/${name}`));
  if (!directory) throw new Error(`no ${name} in ${directories.map(({ path }) => path).join(" ")}`);
  return readFileSync(`${directory.path}/${name}`, "utf8").trim();
};
const either = (cgroup: Cgroup, v1: string, v2: string) => file(cgroup, inVersion1 ? v1 : v2);

describe("limits", () => {
  it("stand in the files of the container's own cgroups", async () => {
    await using one = await started({
      resources: {
        memory: { limit: "64M", reservation: "32M" },
        pids: { limit: 20 },
        cpu: { shares: 512, quota: 50000, period: 100000, ...(hasCpuset ? { cpus: "0" } : {}) },
      },
    });
    expect(either(one.cgroup, "memory.limit_in_bytes", "memory.max")).toBe("67108864");
    expect(either(one.cgroup, "memory.soft_limit_in_bytes", "memory.low")).toBe("33554432");
    expect(file(one.cgroup, "pids.max")).toBe("20");
    expect(either(one.cgroup, "cpu.shares", "cpu.weight")).toBe(inVersion1 ? "512" : "59");
    expect(either(one.cgroup, "cpu.cfs_quota_us", "cpu.max")).toBe(inVersion1 ? "50000" : "50000 100000");
    if (inVersion1) expect(file(one.cgroup, "cpuset.cpus")).toBe("0");
    expect(one.cgroup.directories.every(({ path }) => /\/libct-[0-9a-f]{8}$/.test(path))).toBe(true);
  });

  it.runIf(hasHugepages)("of huge pages hold for their use and for their reservation, then and later", async () => {
    const limited = (limit: number) => ({ hugepageLimits: [{ pageSize: "2MB", limit }] });
    await using one = await started({ resources: limited(4 << 20) });
    const limits = () =>
      ["hugetlb.2MB.", "hugetlb.2MB.rsvd."].map((name) =>
        file(one.cgroup, `${name}${hugetlb?.version === 1 ? "limit_in_bytes" : "max"}`),
      );
    expect(limits()).toEqual(["4194304", "4194304"]);
    await one.container.update(limited(8 << 20));
    expect(limits()).toEqual(["8388608", "8388608"]);
  });

  it("bind everything that runs in it, from its first process on", async () => {
    await using container = await host.create({ ...SPEC, name: "web", resources: { pids: { limit: 33 } } });
    const process = await container.start(["/bin/cat", "/proc/self/cgroup"]);
    const lines = await linesOf(process);
    expect(lines.filter((line) => /\/libct-web-[0-9a-f]{8}$/.test(line))).toHaveLength(
      container.cgroup?.directories.length ?? places,
    );
  });

  it("make a process of the kernel's killing look like what it was", async () => {
    const container = await host.create({ ...SPEC, resources: { memory: { limit: "16M" } } });
    await using _ = container;
    const process = await container.start(["/bin/sh", "-c", HUNGRY]);
    expect(await process.wait()).toMatchObject({ oomKilled: true });
    const calm = await container.start(["/bin/true"]);
    expect(await calm.wait()).toMatchObject({ exitCode: 0, oomKilled: false });
  });

  it("are no matter for a container without any: it has no cgroup, and says so", async () => {
    await using container = await host.create(SPEC);
    const process = await container.start(["/bin/sleep", "1000"]);
    expect(container.cgroup).toBeUndefined();
    await expect(container.stats()).rejects.toMatchObject({ code: "ERR_CT_NOT_SUPPORTED", member: "resources" });
    await process.kill("SIGKILL");
    expect("oomKilled" in (await process.wait())).toBe(false);
  });

  it("can be put anywhere with cgroupsPath, and the directories above go with the last container", async () => {
    const at = (name: string) => ({ cgroupsPath: `/libct-place-${process.pid}/${name}` });
    await using first = await started(at("a"));
    {
      await using second = await started(at("b"));
      expect(second.cgroup.directories.every(({ path }) => path.endsWith(`/libct-place-${process.pid}/b`))).toBe(true);
    }
    expect(first.cgroup.directories.every(({ path }) => existsSync(path))).toBe(true);
  });

  it("are not put where a cgroup is already: that is another's", async () => {
    const spec = { cgroupsPath: `/libct-place-${process.pid}/a` };
    await using first = await started(spec);
    await expect(started(spec)).rejects.toMatchObject({
      code: "ERR_CT_SYSCALL",
      errno: "EEXIST",
      member: "cgroupsPath",
      hint: expect.stringContaining("choose another"),
    });
    expect(existsSync(first.cgroup.directories[0]?.path ?? "")).toBe(true);
  });

  it("that the kernel refuses are an error with the file, and nothing is left", async () => {
    const spec = {
      ...SPEC,
      resources: {
        cpu: { quota: 50000, burst: 50000, period: 1000000 },
        blockIO: { throttleReadBpsDevice: [{ major: 250, minor: 250, rate: 1 }] },
      },
    };
    await using container = await host.create(spec);
    await expect(container.start(["/bin/true"])).rejects.toMatchObject({
      code: "ERR_CT_SYSCALL",
      member: "resources.blockIO.throttleReadBpsDevice[0]",
      message: expect.stringMatching(/blkio.throttle.read_bps_device|io.max/),
    });
  });

  it("cannot be asked for by an ordinary user without delegation, but for none at all", async () => {
    const directory = mkdtempSync("/tmp/libct-cgroup-");
    chmodSync(directory, 0o755);
    const [limited, wanted] = await runScript(
      `await using host = await openHost();
       const attempt = async (resources) => {
         try {
           await using container = await host.create({ namespaces: ["user", "mount", "pid"], resources });
           const process = await container.start(["/bin/true"]);
           return { ...(await process.wait()), cgroup: container.cgroup ?? null };
         } catch (error) { return error.toJSON(); }
       };
       report(await attempt({ pids: { limit: 5 } }));
       report(await attempt({}));`,
      directory,
      { user: true },
    );
    rmSync(directory, { recursive: true });
    expect(limited).toMatchObject({
      code: "ERR_CT_NOT_PERMITTED",
      member: "resources.pids.limit",
      hint: expect.stringContaining("delegate"),
    });
    expect(wanted).toMatchObject({ exitCode: 0, cgroup: null });
  });
});

describe("an update of a running container", () => {
  it("changes what is named and nothing else", async () => {
    await using one = await started({ resources: { memory: { limit: "64M" }, pids: { limit: 20 } } });
    await one.container.update({ memory: { limit: "32M" } });
    expect(either(one.cgroup, "memory.limit_in_bytes", "memory.max")).toBe("33554432");
    expect(file(one.cgroup, "pids.max")).toBe("20");
    await one.container.update({ memory: { limit: -1 }, pids: { limit: -1 }, cpu: { quota: 20000 } });
    expect((await one.container.stats()).memory?.limit).toBeUndefined();
    expect(file(one.cgroup, "pids.max")).toBe("max");
    expect(either(one.cgroup, "cpu.cfs_quota_us", "cpu.max")).toMatch(/^20000/);
  });

  it("finds the order in which limits that bind each other can be changed", async () => {
    await using one = await started({ resources: { cpu: { quota: 50000, period: 100000 } } });
    await one.container.update({ cpu: { burst: 50000 } });
    // The old burst would be above the new quota, and the new burst is below the old one.
    await one.container.update({ cpu: { quota: 20000, burst: 10000 } });
    await one.container.update({ cpu: { quota: 90000, burst: 90000 } });
    expect(either(one.cgroup, "cpu.cfs_burst_us", "cpu.max.burst")).toBe("90000");
  });

  it("that the kernel refuses in part is put back, and names the file, the value and the reason", async () => {
    await using one = await started({
      resources: { memory: { limit: "64M" }, pids: { limit: 20 }, cpu: { quota: 50000 } },
    });
    const refused = one.container.update({
      memory: { limit: "96M" },
      pids: { limit: 30 },
      cpu: { quota: 1000, burst: 2000 },
    });
    await expect(refused).rejects.toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "resources.cpu.burst" });
    await expect(
      update(one.cgroup, { memory: { limit: "96M" }, pids: { limit: 30 }, cpu: { burst: 2 ** 50 } }),
    ).rejects.toMatchObject({
      code: "ERR_CT_SYSCALL",
      errno: "EINVAL",
      member: "resources.cpu.burst",
      path: expect.stringMatching(/burst/),
    });
    expect(either(one.cgroup, "memory.limit_in_bytes", "memory.max")).toBe("67108864");
    expect(file(one.cgroup, "pids.max")).toBe("20");
  });

  it("with a value that cannot be meant is refused before anything is written", async () => {
    await using one = await started({ resources: {} });
    await expect(one.container.update({ pids: { limit: 0 } })).rejects.toMatchObject({
      code: "ERR_CT_INVALID_SPEC",
      member: "resources.pids.limit",
    });
  });

  it("is not possible when it has ended", async () => {
    const one = await started({ resources: {} });
    await one.process.kill("SIGKILL");
    await one.process.wait();
    await expect(one.container.update({ pids: { limit: 5 } })).rejects.toMatchObject({ code: "ERR_CT_STATE" });
    expect(() => readStats(one.cgroup)).toThrow("its container has ended");
    expect(() => readUsage(one.cgroup)).toThrow("its container has ended");
    await one[Symbol.asyncDispose]();
  });
});

describe("rules for devices", () => {
  const readNull = { allow: true, type: "c", major: 1, minor: 3, access: "rw" } as const;
  const tries = "for d in null zero; do (: < /dev/$d) 2>/dev/null && echo $d; done;";

  it("hold for the command, and not for the making of its root", async () => {
    await using container = await host.create({
      ...SPEC,
      resources: { devices: [{ allow: false }, readNull] },
    });
    const process = await container.start(["/bin/sh", "-c", tries]);
    expect(await linesOf(process)).toEqual(["null"]);
  });

  it("can be changed while it runs", async () => {
    await using one = await started({ resources: { devices: [readNull] } });
    await one.container.update({ devices: [{ ...readNull, minor: 5 }] });
    const listed = inVersion1 ? file(one.cgroup, "devices.list") : "c 1:5 rw";
    expect(listed).toBe("c 1:5 rw");
  });
});

describe("statistics", () => {
  it("are plausible", async () => {
    await using one = await started(
      { resources: { memory: { limit: "64M" }, pids: { limit: 20 } } },
      "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done;",
    );
    const stats = await one.container.stats();
    expect(stats.cpu?.usage).toBeGreaterThan(0.001);
    expect(stats.cpu?.usage).toBeLessThan(60);
    expect(stats.memory).toMatchObject({ limit: 67108864, events: { oomKill: 0 } });
    expect(stats.memory?.usage).toBeGreaterThan(4096);
    expect(stats.memory?.anon).toBeLessThanOrEqual(stats.memory?.usage ?? 0);
    expect(stats.pids).toEqual({ current: 1, limit: 20 });
    expect(readUsage(one.cgroup)).toMatchObject({ pids: 1, memory: expect.any(Number), cpu: expect.any(Number) });
    expect(readStats(one.cgroup, ["pids"])).toEqual({ pids: stats.pids });
  });
});

describe("the statistics of all containers", () => {
  const named = `crowd-${process.pid}`;

  it("are told by name: of those made here, of those of other applications, and of none that has ended or has no cgroup", async () => {
    await using other = await openHost();
    await using first = await started({ name: named, resources: { pids: { limit: 21 } } });
    await using second = await started({ resources: { pids: { limit: 22 } } });
    await using _ = await started({ resources: {} });
    await _.container[Symbol.asyncDispose]();
    await using bare = await host.create(SPEC);
    await bare.start(["/bin/sleep", "1000"]);
    const here = await host.stats({ parts: ["pids"] });
    expect(here.get(named)).toEqual({ pids: { current: 1, limit: 21 } });
    expect(here.get(second.container.name)).toEqual({ pids: { current: 1, limit: 22 } });
    expect([...here.keys()].filter((name) => name === bare.name || name === _.container.name)).toEqual([]);
    const there = await other.usage();
    expect(there.get(named)).toMatchObject({ pids: 1, memory: expect.any(Number) });
    expect(there.has(second.container.name)).toBe(false);
    expect(Object.keys((await other.stats()).get(named) ?? {})).toEqual(Object.keys(await first.container.stats()));
  });

  it("are read by a meter again and again through the same descriptors, while containers come and go", async () => {
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    await using first = await started({ name: named, resources: {}, cgroupsPath: `/libct-meter-${process.pid}/a` });
    await using other = await openHost();
    const meter = await other.meter();
    expect((await meter.usage()).get(named)).toMatchObject({ pids: 1 });
    const once = open();
    expect((await meter.usage()).get(named)).toMatchObject({ pids: 1 });
    expect(open()).toBe(once);
    expect((await meter.stats()).get(named)).toEqual(expect.objectContaining({ memory: expect.any(Object) }));
    await first.container[Symbol.asyncDispose]();
    // In the same place of the tree, but another one.
    await using second = await started({ name: named, resources: {}, cgroupsPath: `/libct-meter-${process.pid}/a` });
    expect((await meter.usage()).get(named)).toMatchObject({ pids: 1 });
    await second.container[Symbol.asyncDispose]();
    expect((await meter.usage()).has(named)).toBe(false);
    await meter[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    expect(open()).toBe(before);
  });
});

/** As on a machine that has only some of the hierarchies: the others are not in the handle. */
const narrowed = (cgroup: Cgroup, wanted: (version: 1 | 2) => boolean): Cgroup => ({
  ...cgroup,
  directories: cgroup.directories.filter(({ version }) => wanted(version)),
});
const FREEZERS: [string, (version: 1 | 2) => boolean][] = [
  ["all that there is", () => true],
  ...(inVersion1
    ? [["the freezer of version 1 alone", (version: 1 | 2) => version === 1] as [string, (version: 1 | 2) => boolean]]
    : []),
];

describe.each(FREEZERS)("with %s", (_, wanted) => {
  it("a container stands still while it is frozen, and goes on", async () => {
    await using one = await started({ resources: {} }, "(while :; do :; done) & (while :; do :; done) &");
    const cgroup = narrowed(one.cgroup, wanted);
    await freeze(cgroup);
    expect(isFrozen(cgroup)).toBe(true);
    const before = readUsage(one.cgroup).cpu;
    const again = readUsage(one.cgroup).cpu;
    expect(again).toBe(before);
    await thaw(cgroup);
    expect(isFrozen(cgroup)).toBe(false);
  });

  it("all processes are killed at once, also those that make others all the time", async () => {
    const bomb = "f() { while :; do /bin/true & done; }; f & f & f &";
    await using one = await started({ resources: { pids: { limit: 200 } } }, bomb);
    await killAll(narrowed(one.cgroup, wanted));
    expect(await one.process.wait()).toMatchObject({ signal: "SIGKILL" });
  });

  it("a frozen container can be killed", async () => {
    await using one = await started({ resources: {} });
    await freeze(narrowed(one.cgroup, wanted));
    await one.process.kill("SIGKILL");
    expect(await one.process.wait()).toMatchObject({ signal: "SIGKILL" });
  });
});

describe("the processes of a container", () => {
  it("are found, also in cgroups that it has made itself, and those go with it", async () => {
    await using one = await started({ resources: {} }, "sleep 1000 &");
    expect(pidsOf(one.cgroup)).toHaveLength(2);
    for (const { path } of one.cgroup.directories) mkdirSync(`${path}/inner`);
    expect(pidsOf(one.cgroup)).toHaveLength(2);
    await one.process.kill("SIGKILL");
    await one.process.wait();
    expect(one.cgroup.directories.filter(({ path }) => existsSync(path))).toEqual([]);
    removeCgroup(one.cgroup);
  });
});

describe("events", () => {
  it("tell of pauses, of limits and of kills for memory, and end with the container", async () => {
    await using container = await host.create({ ...SPEC, resources: { memory: { limit: "16M" }, pids: { limit: 8 } } });
    const forks = "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done";
    const script = `read go; (${HUNGRY}); read on; (${forks}) 2>/dev/null; read end`;
    const process = await container.start(["/bin/sh", "-c", script], { stdin: "pipe" });
    const events = container.events();
    const first = events.next();
    const pausing = container.pause();
    const seen: string[] = [];
    process.stdin?.on("error", () => undefined); // Its status tells why it has ended.
    const answers: Record<string, () => void> = {
      "oom-kill": () => process.stdin?.write("on\n"),
      "pids-limit": () => process.stdin?.write("end\n"),
      frozen: () => void pausing.then(() => container.resume()),
      thawed: () => process.stdin?.write("go\n"),
    };
    if (container.cgroup?.directories.every(({ version }) => version === 1))
      void pausing.then(() => container.resume()).then(answers.thawed);
    const all = async function* () {
      const { value } = await first;
      if (value) yield value;
      yield* events;
    };
    for await (const { type } of all()) {
      if (!seen.includes(type)) answers[type]?.();
      seen.push(type);
    }
    await pausing;
    expect(await process.wait()).toMatchObject({ exitCode: 0, oomKilled: true });
    expect(seen).toEqual(expect.arrayContaining(["pids-limit", "oom-kill"]));
    if (kind !== "v1") expect(seen).toEqual(expect.arrayContaining(["frozen", "thawed"]));
  });
});

describe("this machine", () => {
  it("has nothing for a caller that can write nowhere", () => {
    const view = readView();
    const blind: CgroupView = { ...view, writable: () => false };
    expect(canLimit({ pids: { limit: 5 } }, blind)).toBe(false);
    expect(canLimit({ pids: { limit: 5 } }, view)).toBe(true);
  });
});
