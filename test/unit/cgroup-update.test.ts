import { describe, expect, it } from "vitest";
import { type Cgroup, planUpdate } from "../../src/cgroup/index.ts";
import { parseIoV1, parseIoV2, parseLimit, parsePressure } from "../../src/cgroup/parse-stats.ts";
import { restoring } from "../../src/cgroup/restore.ts";
import type { Resources } from "../../src/spec/index.ts";

const CONTROLLERS = ["memory", "cpu", "io", "pids"];
const V2: Cgroup = { driver: "v2", directories: [{ path: "/cg/c", version: 2, controllers: CONTROLLERS }] };
const V1: Cgroup = {
  driver: "v1",
  directories: [
    { path: "/cg/memory/c", version: 1, controllers: ["memory"] },
    { path: "/cg/blkio/c", version: 1, controllers: ["blkio"] },
  ],
};

/** "value > file" of each write. */
const writes = (cgroup: Cgroup, resources: Resources, files: Record<string, string> = {}, missing: string[] = []) =>
  planUpdate(
    cgroup,
    resources,
    (path) => files[path] ?? "",
    (path) => !missing.includes(path),
  ).map(({ path, value }) => `${value} > ${path}`);

describe("an update", () => {
  it("takes what is written together with it from what holds", () => {
    const files = { "/cg/c/memory.max": "67108864\n", "/cg/c/cpu.max": "50000 100000\n" };
    expect(writes(V2, { memory: { swap: "96M" } }, files)).toEqual([
      "67108864 > /cg/c/memory.max",
      "33554432 > /cg/c/memory.swap.max",
    ]);
    expect(writes(V2, { cpu: { period: 20000 } }, files)).toEqual(["50000 20000 > /cg/c/cpu.max"]);
    expect(writes(V2, { cpu: { quota: 20000 } }, files)).toEqual(["20000 > /cg/c/cpu.max"]);
    expect(writes(V2, { cpu: { period: 20000 } }, { "/cg/c/cpu.max": "max 100000\n" })).toEqual([
      "max 20000 > /cg/c/cpu.max",
    ]);
  });

  it("cannot limit swap without a limit of memory", () => {
    const files = { "/cg/c/memory.max": "max\n" };
    expect(() => writes(V2, { memory: { swap: "96M" } }, files)).toThrow("give memory.limit too");
  });

  it("goes to the file that this kernel has", () => {
    const missing = ["/cg/blkio/c/blkio.weight"];
    expect(writes(V1, { blockIO: { weight: 100 } }, {}, missing)).toEqual(["100 > /cg/blkio/c/blkio.bfq.weight"]);
    expect(writes(V1, { blockIO: { weight: 100 } })).toEqual(["100 > /cg/blkio/c/blkio.weight"]);
  });

  it("needs a cgroup with the controller", () => {
    expect(() => writes(V1, { pids: { limit: 3 } })).toThrow(
      "the container has no cgroup with the pids controller (resources.pids.limit)",
    );
  });

  it("is refused below what is used, when that is asked for", () => {
    const files = { "/cg/memory/c/memory.usage_in_bytes": "8192\n" };
    expect(() => writes(V1, { memory: { limit: 4096, checkBeforeUpdate: true } }, files)).toThrow(
      "the limit 4096 is below the 8192 bytes that the container uses",
    );
    expect(writes(V1, { memory: { limit: 8192, checkBeforeUpdate: true } }, files)).toHaveLength(1);
  });
});

describe("what a file said before", () => {
  it.each<[file: string, before: string, written: string, restored: string]>([
    ["pids.max", "max\n", "5", "max"],
    ["cpu.max", "max 100000\n", "5000 10000", "max 100000"],
    ["cpuset.cpus", "\n", "0", "\n"],
    ["memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "1", "0"],
    ["io.max", "8:0 rbps=1 wbps=max riops=max wiops=max\n", "8:0 rbps=5", "8:0 rbps=1 wbps=max riops=max wiops=max"],
    ["io.max", "", "8:0 rbps=5", "8:0 rbps=max wbps=max riops=max wiops=max"],
    ["io.weight", "default 100\n8:0 7\n", "8:16 50", "8:16 default"],
    ["io.weight", "default 100\n8:0 7\n", "default 50", "default 100"],
    ["io.bfq.weight", "default 100\n", "500", "default 100"],
    ["blkio.throttle.read_bps_device", "8:16 5\n", "8:0 1000", "8:0 0"],
    ["net_prio.ifpriomap", "lo 0\neth0 2\n", "eth0 5", "eth0 2"],
    ["rdma.max", "", "mlx hca_handle=2", "mlx hca_handle=max hca_object=max"],
    ["misc.max", "res_a max\n", "res_a 3", "res_a max"],
  ])("is put back into %s: %j after %j by %j", (file, before, written, restored) => {
    expect(restoring(file, before, written)).toBe(restored);
  });
});

describe("the files of statistics", () => {
  it("have limits as numbers or none", () => {
    expect(["max\n", "9223372036854771712\n", "4096\n", "9223372036854710272"].map(parseLimit)).toEqual([
      undefined,
      undefined,
      4096,
      undefined,
    ]);
  });

  it("have traffic by device in two forms", () => {
    const expected = [{ major: 8, minor: 0, readBytes: 4096, writeBytes: 10, readOperations: 1, writeOperations: 2 }];
    const bytes = "8:0 Read 4096\n8:0 Write 10\n8:0 Sync 0\n8:0 Total 4106\nTotal 4106\n";
    expect(parseIoV1(bytes, "8:0 Read 1\n8:0 Write 2\nTotal 3\n")).toEqual(expected);
    expect(parseIoV2("8:0 rbytes=4096 wbytes=10 rios=1 wios=2 dbytes=0 dios=0\n")).toEqual(expected);
    expect(parseIoV2("")).toEqual([]);
  });

  it("have pressure with or without a second line", () => {
    const some = "some avg10=1.50 avg60=0.25 avg300=0.00 total=2500000";
    const line = { avg10: 1.5, avg60: 0.25, avg300: 0, total: 2.5 };
    expect(parsePressure(`${some}\n`)).toEqual({ some: line });
    expect(parsePressure(`${some}\n${some.replace("some", "full")}\n`)).toEqual({ some: line, full: line });
  });
});
