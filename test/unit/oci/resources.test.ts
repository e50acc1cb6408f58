import { describe, expect, it } from "vitest";
import { parseResources, translateResources } from "../../../src/flavours/oci/index.ts";
import { validateResources } from "../../../src/spec/index.ts";
import { translate, withLinux } from "./support.ts";

function resources(given: object) {
  const warnings: string[] = [];
  const result = translateResources(parseResources(JSON.stringify(given)), (text) => warnings.push(text));
  expect(validateResources(result)).toEqual(result);
  return { result, warnings };
}

describe("linux.resources", () => {
  it("are limits in the same words", () => {
    const given = {
      memory: { limit: 67108864, swap: 134217728, reservation: 1048576, swappiness: 10, checkBeforeUpdate: true },
      cpu: { shares: 512, quota: 50000, period: 100000, burst: 0, cpus: "0-1", mems: "0", idle: 0 },
      pids: { limit: 100 },
      blockIO: {
        weight: 500,
        weightDevice: [{ major: 8, minor: 0, weight: 100 }],
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 600 }],
      },
      hugepageLimits: [{ pageSize: "2MB", limit: 209715200 }],
      network: { classID: 1048577, priorities: [{ name: "eth0", priority: 500 }] },
      rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 } },
      unified: { "memory.high": "1000" },
    };
    expect(resources(given)).toEqual({ result: given, warnings: [] });
  });

  it("say nothing by zero, an empty text or false, as programs in Go do", () => {
    const given = {
      memory: { limit: 0, swap: 0, disableOOMKiller: false },
      cpu: { shares: 0, quota: 0, period: 0, cpus: "", mems: "", realtimeRuntime: 0 },
      pids: { limit: 0 },
      blockIO: { weight: 0, leafWeight: 0 },
      network: { classID: 0 },
      unified: {},
    };
    expect(resources(given).result).toEqual({ memory: {}, cpu: {}, blockIO: {}, network: {} });
  });

  it("are unlimited below zero, and above what any machine has", () => {
    const text =
      '{"memory":{"limit":9223372036854771712,"swap":-1},"pids":{"limit":-5},"cpu":{"quota":-1},"hugepageLimits":[{"pageSize":"1GB","limit":18446744073709551615}]}';
    expect(translateResources(parseResources(text), () => {})).toEqual({
      memory: { limit: -1, swap: -1 },
      pids: { limit: -1 },
      cpu: { quota: -1 },
      hugepageLimits: [{ pageSize: "1GB", limit: -1 }],
    });
  });

  it("have shares within the kernel's bounds", () => {
    expect(resources({ cpu: { shares: 1 } }).result.cpu?.shares).toBe(2);
    expect(resources({ cpu: { shares: 1e9 } }).result.cpu?.shares).toBe(262144);
  });

  it("have no limits of kernel memory, and say so", () => {
    const { result, warnings } = resources({ memory: { kernel: 1048576, kernelTCP: 0 } });
    expect(result).toEqual({ memory: {} });
    expect(warnings).toEqual([expect.stringContaining("linux.resources.memory.kernel:")]);
  });

  it("have rules for devices, which must say what they allow", () => {
    const devices = [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
      { allow: true, type: "", access: "m" },
    ];
    expect(resources({ devices }).result.devices).toEqual([...devices.slice(0, 2), { allow: true, access: "m" }]);
    expect(() => resources({ devices: [{ allow: true }] })).toThrow(/linux\.resources\.devices\[0\]\.access/);
    expect(() => resources({ devices: [{ allow: true, type: "p", access: "r" }] })).toThrow(/devices\[0\]\.type/);
  });
});

describe("the rules for devices of a container", () => {
  const rulesOf = (linux: object, rootless = false) =>
    translate(withLinux(linux), { rootless }).spec.resources?.devices;

  it("end with what every container may use", () => {
    const own = { allow: false, access: "rwm" };
    const rules = rulesOf({ resources: { devices: [own] } }) ?? [];
    expect(rules[0]).toEqual(own);
    expect(rules).toContainEqual({ allow: true, type: "b", access: "m" });
    expect(rules).toContainEqual({ allow: true, type: "c", major: 1, minor: 3, access: "rwm" });
    expect(rules).toContainEqual({ allow: true, type: "c", major: 136, access: "rwm" });
    expect(rulesOf({})).toEqual(rules.slice(1));
  });

  it("are none without privileges, as nobody could set them", () => {
    expect(rulesOf({ resources: { devices: [{ allow: false, access: "rwm" }] } }, true)).toBeUndefined();
    expect(translate(withLinux({}), { rootless: true }).spec.resources).toEqual({});
  });
});
