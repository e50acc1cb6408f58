import { describe, expect, it } from "vitest";
import { type Cgroup, type CgroupView, parseLayout, planCgroup, type ScopePlan } from "../../src/cgroup/index.ts";
import type { Resources } from "../../src/spec/index.ts";
import { resourceProperties } from "../../src/systemd/properties.ts";
import { checkLimits, planScope, startScope } from "../../src/systemd/scope.ts";
import type { Systemd } from "../../src/systemd/systemd.ts";

const said = (resources: Resources, cgroupVersion: 1 | 2 = 2, version = 255) =>
  Object.fromEntries(
    resourceProperties(resources, { versionOf: () => cgroupVersion, version }).map(([name, { signature, value }]) => [
      name,
      value instanceof Uint8Array ? `${signature} ${[...value]}` : `${signature} ${value}`,
    ]),
  );
const INFINITY = "t 18446744073709551615";

describe("limits as properties of a scope", () => {
  it.each<[string, Resources, Record<string, string>]>([
    ["none", {}, {}],
    [
      "memory",
      { memory: { limit: "64M", swap: "96M", reservation: 4096 } },
      { MemoryMax: "t 67108864", MemorySwapMax: "t 33554432", MemoryLow: "t 4096" },
    ],
    ["unlimited memory", { memory: { limit: -1 } }, { MemoryMax: INFINITY, MemorySwapMax: INFINITY }],
    ["shares", { cpu: { shares: 1024 } }, { CPUWeight: "t 100" }],
    [
      "a quota, in whole percents",
      { cpu: { quota: 12345, period: 50000 } },
      { CPUQuotaPeriodUSec: "t 50000", CPUQuotaPerSecUSec: "t 250000" },
    ],
    ["a quota alone", { cpu: { quota: 50000 } }, { CPUQuotaPerSecUSec: "t 500000" }],
    ["no quota any more", { cpu: { quota: -1 } }, { CPUQuotaPerSecUSec: INFINITY }],
    ["processors", { cpu: { cpus: "0-1", mems: "0" } }, { AllowedCPUs: "ay 3", AllowedMemoryNodes: "ay 1" }],
    ["processes", { pids: { limit: 5 } }, { TasksMax: "t 5" }],
    ["any number of processes", { pids: { limit: -1 } }, { TasksMax: INFINITY }],
    ["a weight of the disk", { blockIO: { weight: 1000 } }, { IOWeight: "t 10000" }],
    [
      "files",
      {
        unified: {
          "memory.high": "max",
          "memory.min": "4096",
          "cpu.max": "max 20000",
          "io.weight": "default 20",
          "memory.zswap.max": "1",
          "hugetlb.2MB.max": "0",
          "pids.max": "nonsense",
        },
      },
      {
        MemoryHigh: INFINITY,
        MemoryMin: "t 4096",
        CPUQuotaPeriodUSec: "t 20000",
        CPUQuotaPerSecUSec: INFINITY,
        IOWeight: "t 20",
        MemoryZSwapMax: "t 1",
      },
    ],
  ])("%s", (_, resources, properties) => {
    expect(said(resources)).toEqual(properties);
  });

  it("have other names with version 1", () => {
    const resources = {
      memory: { limit: 4096, reservation: 1 },
      cpu: { shares: 7, cpus: "0" },
      blockIO: { weight: 20 },
    };
    expect(said(resources, 1)).toEqual({ MemoryLimit: "t 4096", CPUShares: "t 7", BlockIOWeight: "t 20" });
  });

  it("are fewer with an older systemd", () => {
    const resources = {
      cpu: { quota: 1, period: 1000, cpus: "0" },
      unified: { "cpuset.mems": "0", "memory.zswap.max": "1" },
    };
    expect(said(resources, 2, 240)).toEqual({ CPUQuotaPerSecUSec: "t 10000" });
  });

  it("are no rules for devices with version 1, which systemd would forget", () => {
    expect(() => said({ devices: [{ allow: false }] }, 1)).toThrow(/version 1.*resources\.devices/);
    expect(said({ devices: [{ allow: false }] })).toEqual({});
  });
});

const layout = parseLayout({
  mountinfo: "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
  cgroup: "0::/user.slice/session-1.scope",
  controllers: "cpuset cpu io memory hugetlb pids",
});
const USER = "/user.slice/user-7.slice/user@7.service";
const view: CgroupView = {
  layout,
  read: (file) => (file === `/sys/fs/cgroup${USER}/cgroup.controllers` ? "cpu memory pids\n" : undefined),
  writable: () => false,
  exists: () => false,
};
const SYSTEM = { kind: "system", controlGroup: "", version: 252 } as const;
const OWN = { kind: "user", controlGroup: USER, version: 252 } as const;

describe("the place of a scope", () => {
  it("is below the manager's own cgroup", () => {
    expect(planScope({}, "libct-web-1", SYSTEM, view)).toEqual({
      scope: { manager: "system", unit: "libct-web-1.scope", slice: "system.slice" },
      path: "/system.slice/libct-web-1.scope",
      delegated: ["cpuset", "cpu", "io", "memory", "pids"],
    });
    expect(planScope({ slice: "a-b.slice", name: "mine" }, "x", OWN, view)).toEqual({
      scope: { manager: "user", unit: "mine.scope", slice: "a-b.slice" },
      path: `${USER}/a.slice/a-b.slice/mine.scope`,
      delegated: ["cpu", "memory", "pids"],
    });
    expect(planScope({ slice: "-.slice", name: "cpu.x" }, "x", SYSTEM, view).path).toBe("/_cpu.x.scope");
  });

  const plan = (resources: Resources, systemd: typeof SYSTEM | typeof OWN) =>
    planCgroup({ resources, name: "x", scope: planScope({ name: "x" }, "x", systemd, view) }, view);

  it("has what systemd passes on, and limits are written when it is there", () => {
    expect(plan({ pids: { limit: 5 } }, OWN)).toMatchObject({
      handle: {
        driver: "v2",
        directories: [{ path: `/sys/fs/cgroup${USER}/user.slice/x.scope`, controllers: ["cpu", "memory", "pids"] }],
        scope: { manager: "user", unit: "x.scope" },
      },
      steps: [{ do: "write", file: `/sys/fs/cgroup${USER}/user.slice/x.scope/pids.max`, value: "5" }],
      scope: { path: `${USER}/user.slice/x.scope`, resources: { pids: { limit: 5 } } },
    });
  });

  it("has controllers that systemd has no word for, by root's hand", () => {
    const steps = plan({ hugepageLimits: [{ pageSize: "2MB", limit: 0 }] }, SYSTEM)?.steps ?? [];
    expect(steps.map((step) => (step.do === "write" ? `${step.value} > ${step.file}` : step.path)).slice(0, 3)).toEqual(
      [
        "+hugetlb > /sys/fs/cgroup/cgroup.subtree_control",
        "+hugetlb > /sys/fs/cgroup/system.slice/cgroup.subtree_control",
        "0 > /sys/fs/cgroup/system.slice/x.scope/hugetlb.2MB.max",
      ],
    );
  });

  it("lacks what the user's manager has not been given, and the error says how it gets that", () => {
    expect(() => plan({ blockIO: { weight: 100 } }, OWN)).toThrow(/no io controller.*Delegate=cpu memory pids io/);
  });

  it("is not asked for with limits that cannot be told", () => {
    const made = plan({ cpu: { cpus: "3-1" } }, SYSTEM);
    expect(() => made?.scope && checkLimits(made.scope, made.handle)).toThrow("resources.cpu.cpus");
  });

  it("is checked when it is there, and another one is no good", async () => {
    const scope: ScopePlan = {
      scope: { manager: "system", unit: "x.scope", slice: "system.slice" },
      path: "/system.slice/x.scope",
      resources: {},
    };
    const stopped: string[] = [];
    const systemd = {
      version: 252,
      startScope: async () => "/elsewhere/x.scope",
      stop: async (unit: string) => void stopped.push(unit),
    } as unknown as Systemd;
    const cgroup: Cgroup = { driver: "v2", directories: [] };
    await expect(startScope(systemd, scope, cgroup, 7)).rejects.toMatchObject({
      code: "ERR_CT_SYSTEMD",
      path: "/elsewhere/x.scope",
    });
    expect(stopped).toEqual(["x.scope"]);
  });
});
