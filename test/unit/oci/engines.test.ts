import { describe, expect, it } from "vitest";
import { deviceListOf } from "../../../src/cgroup/devices.ts";
import { parseConfig } from "../../../src/flavours/oci/index.ts";
import { validateProcess, validateSpec } from "../../../src/spec/index.ts";
import { fixture, translate } from "./support.ts";

const translated = (name: string, context = {}) => translate(parseConfig(fixture(name)), context);

describe("what engines write", () => {
  it.each([
    ["docker", {}],
    ["podman", { systemdCgroup: true }],
    ["runc-spec", {}],
    ["runc-spec-rootless", { rootless: true }],
  ])("can be made into a container: %s", (name, context) => {
    const { spec, process } = translated(name, context);
    expect(validateSpec(spec)).toMatchObject({ name: "web", lifetime: "orphan" });
    expect(validateProcess(process)).toEqual(process);
    expect(deviceListOf(spec.resources?.devices ?? []).allowed).toBe(false);
  });

  it("is understood without a warning, but for runc's ambient capabilities", () => {
    expect(translated("docker").warnings).toEqual([]);
    expect(translated("podman", { systemdCgroup: true }).warnings).toEqual([]);
    expect(translated("runc-spec").warnings).toEqual([expect.stringContaining("process.capabilities.ambient")]);
  });

  it("is a template, with nothing to execute yet, from containerd", () => {
    expect(() => translated("containerd")).toThrow(/process\.args/);
  });

  it("means the same here: Docker's", () => {
    const { spec, process } = translated("docker");
    expect(spec).toMatchObject({
      hostname: "4f6a0c1d4f6a",
      namespaces: ["mount", "network", "uts", "pid", "ipc", "cgroup"],
      sysctl: { "net.ipv4.ip_unprivileged_port_start": "0" },
      resources: { memory: { limit: 67108864, swap: 134217728 }, cpu: {}, pids: { limit: 100 }, blockIO: {} },
      cgroupsPath: `/docker/${"4f6a0c1d".repeat(8)}`,
      hooks: { prestart: [{ path: "/proc/917/exe" }] },
      seccomp: { defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1, flags: ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"] },
    });
    expect(spec.mounts?.[7]).toEqual({
      destination: "/etc/resolv.conf",
      source: expect.stringMatching(/resolv\.conf$/),
      options: ["rbind", "rprivate"],
    });
    expect(process).toMatchObject({ oomScoreAdj: 0, apparmorProfile: "docker-default", cwd: "/" });
  });

  it("means the same here: Podman's", () => {
    const { spec, process } = translated("podman", { systemdCgroup: true });
    expect(spec).toMatchObject({
      rootfsPropagation: "slave",
      cgroup: { driver: "systemd", slice: "machine.slice", name: `libpod-${"4f6a0c1d".repeat(8)}.scope` },
      annotations: { "io.container.manager": "libpod" },
    });
    expect(spec.namespaces).toContainEqual({ type: "network", path: expect.stringContaining("/run/netns/") });
    expect(spec).not.toHaveProperty("mountLabel");
    expect(process).toMatchObject({ terminal: true, user: { uid: 0, gid: 0, umask: 0o022, additionalGids: [0] } });
  });

  it("is read and translated in well under a millisecond", () => {
    const text = fixture("docker");
    const once = () => translate(parseConfig(text));
    for (let n = 0; n < 300; n++) once();
    const times = Array.from({ length: 50 }, () => {
      const start = performance.now();
      once();
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(1);
  });
});
