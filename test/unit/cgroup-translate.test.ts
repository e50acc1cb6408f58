import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { weightOf } from "../../src/cgroup/cpu.ts";
import { settingsOf } from "../../src/cgroup/translate.ts";
import type { Resources } from "../../src/spec/index.ts";

/** "file value" of each setting. */
const written = (resources: Resources, version: 1 | 2) =>
  settingsOf(resources, (controller) => (controller === "unified" ? 2 : version)).map(
    ({ file, value, otherwise }) => `${file} ${value}${otherwise ? ` or ${otherwise.file} ${otherwise.value}` : ""}`,
  );
const v1 = (resources: Resources) => written(resources, 1);
const v2 = (resources: Resources) => written(resources, 2);

describe("memory", () => {
  const memory = { limit: "64M", swap: "96M", reservation: 33554432 };

  it("is limited with version 1 with and without swap, in this order", () => {
    expect(v1({ memory })).toEqual([
      "memory.limit_in_bytes 67108864",
      "memory.memsw.limit_in_bytes 100663296",
      "memory.soft_limit_in_bytes 33554432",
    ]);
    const rest = { kernel: 1, kernelTCP: 2, swappiness: 3, disableOOMKiller: true, useHierarchy: true };
    expect(v1({ memory: rest })).toEqual([
      "memory.use_hierarchy 1",
      "memory.kmem.limit_in_bytes 1",
      "memory.kmem.tcp.limit_in_bytes 2",
      "memory.swappiness 3",
      "memory.oom_control 1",
    ]);
  });

  it("has swap alone with version 2: the difference", () => {
    expect(v2({ memory })).toEqual(["memory.max 67108864", "memory.swap.max 33554432", "memory.low 33554432"]);
    expect(v2({ memory: { limit: 4096, swap: 4096 } })).toEqual(["memory.max 4096", "memory.swap.max 0"]);
    expect(v2({ memory: { limit: 4096, swap: -1 } })).toEqual(["memory.max 4096", "memory.swap.max max"]);
  });

  it("is unlimited by -1, and then swap too when nothing is said of it", () => {
    expect(v1({ memory: { limit: -1, swap: -1 } })).toEqual([
      "memory.limit_in_bytes -1",
      "memory.memsw.limit_in_bytes -1",
    ]);
    expect(v2({ memory: { limit: -1 } })).toEqual(["memory.max max", "memory.swap.max max"]);
  });

  it("kills all or none with version 2 only", () => {
    expect(v2({ memory: { oomGroup: true } })).toEqual(["memory.oom.group 1"]);
    expect(() => v1({ memory: { oomGroup: true } })).toThrow(
      "cgroups of version 1 have nothing like memory.oomGroup (resources.memory.oomGroup)",
    );
    expect(v1({ memory: { oomGroup: false } })).toEqual([]);
  });

  it.each(["kernel", "kernelTCP", "swappiness", "disableOOMKiller"])("has no %s with version 2", (name) => {
    const value = name === "disableOOMKiller" ? true : 1;
    expect(() => v2({ memory: { [name]: value } })).toThrow(`(resources.memory.${name})`);
    expect(v2({ memory: { disableOOMKiller: false, useHierarchy: true } })).toEqual([]);
  });
});

describe("processor time", () => {
  it("has a quota after its period, and a burst after its quota, with version 1", () => {
    const cpu = {
      shares: 512,
      quota: 50000,
      burst: 1000,
      period: 100000,
      idle: 1,
      realtimeRuntime: 5,
      realtimePeriod: 6,
    };
    expect(v1({ cpu })).toEqual([
      "cpu.shares 512",
      "cpu.idle 1",
      "cpu.cfs_period_us 100000",
      "cpu.cfs_quota_us 50000",
      "cpu.cfs_burst_us 1000",
      "cpu.rt_period_us 6",
      "cpu.rt_runtime_us 5",
    ]);
  });

  it.each<[NonNullable<Resources["cpu"]>, string[]]>([
    [{ quota: 50000, period: 100000 }, ["cpu.max 50000 100000"]],
    [{ quota: 50000 }, ["cpu.max 50000"]],
    [{ quota: -1 }, ["cpu.max max"]],
    [{ period: 50000 }, ["cpu.max max 50000"]],
    [{ quota: -1, period: 50000 }, ["cpu.max max 50000"]],
    [{ burst: 7, idle: 0 }, ["cpu.idle 0", "cpu.max.burst 7"]],
    [{ shares: 1024 }, ["cpu.weight 100"]],
    [{ realtimeRuntime: 0 }, []],
  ])("is with version 2, for %j: %j", (cpu, files) => {
    expect(v2({ cpu })).toEqual(files);
  });

  it("has no realtime with version 2", () => {
    expect(() => v2({ cpu: { realtimeRuntime: 1000 } })).toThrow("resources.cpu.realtimeRuntime");
  });

  it("has weights that rise with the shares, through the least, the usual and the most", () => {
    expect([2, 1024, 262144].map(weightOf)).toEqual([1, 100, 10000]);
    const shares = fc.integer({ min: 2, max: 262144 });
    fc.assert(
      fc.property(shares, shares, (a, b) => {
        expect(weightOf(Math.min(a, b))).toBeLessThanOrEqual(weightOf(Math.max(a, b)));
        expect(weightOf(a)).toBeGreaterThanOrEqual(1);
        expect(weightOf(a)).toBeLessThanOrEqual(10000);
      }),
    );
  });

  it("is on the same processors with both", () => {
    const expected = ["cpuset.cpus 0-1", "cpuset.mems 0"];
    expect(v1({ cpu: { cpus: "0-1", mems: "0" } })).toEqual(expected);
    expect(v2({ cpu: { cpus: "0-1", mems: "0" } })).toEqual(expected);
  });
});

describe("disk traffic", () => {
  const device = { major: 8, minor: 16 };
  const blockIO = {
    weight: 500,
    weightDevice: [{ ...device, weight: 10 }],
    throttleReadBpsDevice: [{ ...device, rate: "1M" }],
    throttleWriteBpsDevice: [{ ...device, rate: 0 }],
    throttleReadIOPSDevice: [{ ...device, rate: 100 }],
    throttleWriteIOPSDevice: [{ ...device, rate: -1 }],
  };

  it("is weighed by the scheduler that version 1 has, and throttled", () => {
    expect(v1({ blockIO })).toEqual([
      "blkio.weight 500 or blkio.bfq.weight 500",
      "blkio.weight_device 8:16 10 or blkio.bfq.weight_device 8:16 10",
      "blkio.throttle.read_bps_device 8:16 1048576",
      "blkio.throttle.write_bps_device 8:16 0",
      "blkio.throttle.read_iops_device 8:16 100",
      "blkio.throttle.write_iops_device 8:16 0",
    ]);
    expect(v1({ blockIO: { leafWeight: 10, weightDevice: [{ ...device, leafWeight: 20 }] } })).toEqual([
      "blkio.leaf_weight 10",
      "blkio.leaf_weight_device 8:16 20",
    ]);
  });

  it("is weighed by BFQ or by the cost model with version 2, and throttled in one file", () => {
    expect(v2({ blockIO })).toEqual([
      "io.bfq.weight 500 or io.weight default 4950",
      "io.bfq.weight 8:16 10 or io.weight 8:16 1",
      "io.max 8:16 rbps=1048576",
      "io.max 8:16 wbps=max",
      "io.max 8:16 riops=100",
      "io.max 8:16 wiops=max",
    ]);
    expect(v2({ blockIO: { weight: 1000 } })).toEqual(["io.bfq.weight 1000 or io.weight default 10000"]);
    expect(() => v2({ blockIO: { leafWeight: 10 } })).toThrow("resources.blockIO.leafWeight");
  });
});

describe("the other limits", () => {
  it("are the same with both for processes and rdma", () => {
    const resources: Resources = {
      pids: { limit: 7 },
      rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, none: {} },
    };
    for (const version of [v1, v2]) {
      expect(version(resources)).toEqual(["pids.max 7", "rdma.max mlx5_1 hca_handle=3 hca_object=10000"]);
      expect(version({ pids: { limit: -1 } })).toEqual(["pids.max max"]);
    }
  });

  it("are for huge pages in use and reserved", () => {
    const resources: Resources = { hugepageLimits: [{ pageSize: "2MB", limit: "4M" }] };
    expect(v1(resources)).toEqual(["hugetlb.2MB.limit_in_bytes 4194304", "hugetlb.2MB.rsvd.limit_in_bytes 4194304"]);
    expect(v2(resources)).toEqual(["hugetlb.2MB.max 4194304", "hugetlb.2MB.rsvd.max 4194304"]);
  });

  it("are for the network with version 1 only", () => {
    const network = { classID: 1048577, priorities: [{ name: "eth0", priority: 500 }] };
    expect(v1({ network })).toEqual(["net_cls.classid 1048577", "net_prio.ifpriomap eth0 500"]);
    expect(() => v2({ network })).toThrow("resources.network.classID");
    expect(v2({ network: { classID: 0, priorities: [] } })).toEqual([]);
  });

  it("are what `unified` says, line by line, with version 2 only", () => {
    const unified = { "memory.high": "1000000", "io.max": "8:0 rbps=1\n8:16 rbps=2\n" };
    expect(v2({ unified })).toEqual(["memory.high 1000000", "io.max 8:0 rbps=1", "io.max 8:16 rbps=2"]);
    expect(() => v1({ unified })).toThrow(
      "the memory controller is in version 1 of cgroups here (resources.unified.memory.high)",
    );
    expect(() => settingsOf({ unified: { "misc.max": "a 1" } }, () => undefined)).toThrow("no cgroup2 mount");
  });

  it("are each blamed on their own member", () => {
    const resources: Resources = {
      pids: { limit: 1 },
      hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
      unified: { "misc.max": "x 1" },
    };
    const members = settingsOf(resources, () => 2).map(({ member }) => member);
    expect(new Set(members)).toEqual(
      new Set(["resources.pids.limit", "resources.hugepageLimits[0].limit", "resources.unified.misc.max"]),
    );
  });
});
