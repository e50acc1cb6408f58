import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readView } from "../../src/cgroup/index.ts";
import type { Container, Host } from "../../src/index.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";

auditEachTest();

const older = existsSync("/run/systemd/system") && readView().layout.kind !== "v2";
if (!older) {
  console.warn("SKIPPED: no systemd with cgroups of version 1 (`npm run test:kernels systemd-v1`, `systemd-hybrid`)");
}

let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(() => host[Symbol.asyncDispose]());

const unitOf = ({ cgroup }: Container) => cgroup?.scope?.unit ?? "none";
const show = (unit: string, name: string) =>
  execFileSync("systemctl", ["show", "--value", `--property=${name}`, unit], { encoding: "utf8" }).trim();

function read({ cgroup }: Container, controller: string, file: string): string {
  const directory = cgroup?.directories.find(({ controllers }) => controllers.includes(controller));
  return readFileSync(`${directory?.path}/${file}`, "utf8").trim();
}

describe.runIf(older)("a scope of systemd's with cgroups of version 1", () => {
  const resources = {
    memory: { limit: "64M" },
    cpu: { shares: 512, quota: 12345, period: 50000 },
    pids: { limit: 40 },
  } as const;

  it("is in every hierarchy, with the limits in both places", async () => {
    await using container = await host.create({ cgroup: { driver: "systemd" }, namespaces: ["pid"], resources });
    const process = await container.start(["/bin/sleep", "1000"]);
    const unit = unitOf(container);
    for (const line of readFileSync(`/proc/${process.pid}/cgroup`, "utf8").trim().split("\n")) {
      expect(line).toMatch(new RegExp(`:/system.slice/${unit}$`));
    }
    expect(["MemoryLimit", "CPUShares", "TasksMax", "CPUQuotaPerSecUSec"].map((name) => show(unit, name))).toEqual([
      "67108864",
      "512",
      "40",
      "250ms",
    ]);
    expect(read(container, "memory", "memory.limit_in_bytes")).toBe("67108864");
    expect(["cpu.shares", "cpu.cfs_quota_us"].map((file) => read(container, "cpu", file))).toEqual(["512", "12345"]);
    expect(read(container, "pids", "pids.max")).toBe("40");
  });

  it("is changed in both places, or in none", async () => {
    await using container = await host.create({ cgroup: { driver: "systemd" }, namespaces: ["pid"], resources });
    await container.start(["/bin/sleep", "1000"]);
    await container.update({ memory: { limit: "80M" } });
    expect(show(unitOf(container), "MemoryLimit")).toBe("83886080");
    expect(read(container, "memory", "memory.limit_in_bytes")).toBe("83886080");
    expect(read(container, "cpu", "cpu.cfs_quota_us")).toBe("12345");
    const refused = container.update({
      memory: { limit: "96M", kernelTCP: "1M" },
      cpu: { realtimeRuntime: 1_000_000_000 },
    });
    await expect(refused).rejects.toThrow();
    expect(show(unitOf(container), "MemoryLimit")).toBe("83886080");
    expect(read(container, "memory", "memory.limit_in_bytes")).toBe("83886080");
  });

  it("is paused, counted, and gone with its unit", async () => {
    await using container = await host.create({ cgroup: { driver: "systemd" }, namespaces: ["pid"], resources });
    const process = await container.start(["/bin/sleep", "1000"]);
    const [unit, paths] = [unitOf(container), container.cgroup?.directories.map(({ path }) => path) ?? []];
    await container.pause();
    await container.resume();
    expect((await container.stats()).memory?.usage).toBeGreaterThan(0);
    await process.kill("SIGKILL");
    await process.wait();
    expect(show(unit, "LoadState")).toBe("not-found");
    expect(paths.filter((path) => existsSync(path))).toEqual([]);
  });

  it("has no rules for devices, which systemd would forget", async () => {
    await using container = await host.create({
      cgroup: { driver: "systemd" },
      resources: { devices: [{ allow: false }] },
    });
    await expect(container.start(["/bin/true"])).rejects.toMatchObject({
      code: "ERR_CT_NOT_SUPPORTED",
      member: "resources.devices",
    });
  });
});
