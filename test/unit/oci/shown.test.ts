import { describe, expect, it } from "vitest";
import { LibctError } from "../../../src/errors.ts";
import { defaultConfig, inConfig, memberInConfig, ociFeatures, parseConfig } from "../../../src/flavours/oci/index.ts";
import { CAPABILITIES } from "../../../src/linux/index.ts";
import { isMountOption, OCI_VERSION, ociState } from "../../../src/spec/index.ts";
import { fixture, translate } from "./support.ts";

describe("the config.json to begin with", () => {
  /** Without what is another program's on purpose: its version, its name, and ambient capabilities, which newer versions of runc no longer have. */
  const comparable = (config: unknown) => {
    const { ociVersion: _, hostname: __, ...rest } = JSON.parse(JSON.stringify(config));
    delete rest.process.capabilities.ambient;
    return rest;
  };

  it.each([
    ["root", undefined, "runc-spec"],
    ["an ordinary user", { uid: 0, gid: 0 }, "runc-spec-rootless"],
  ])("is what runc writes, for %s", async (_, rootless, name) => {
    expect(comparable(await defaultConfig(rootless))).toEqual(comparable(parseConfig(fixture(name))));
  });

  it("makes a container without a warning", async () => {
    const text = JSON.stringify(await defaultConfig());
    expect(translate(parseConfig(text)).warnings).toEqual([]);
    const rootless = await defaultConfig({ uid: 1000, gid: 100 });
    expect(translate(rootless).spec.uidMappings).toEqual([{ containerID: 0, hostID: 1000, size: 1 }]);
  });
});

describe("features", () => {
  it("are those of the tables that decide", async () => {
    const features = await ociFeatures("1.2.3");
    expect(features).toMatchObject({
      ociVersionMin: "1.0.0",
      ociVersionMax: OCI_VERSION,
      hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
      linux: {
        namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
        capabilities: CAPABILITIES,
        cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: true },
        mountExtensions: { idmap: { enabled: true } },
      },
      annotations: { "libct.version": "1.2.3" },
    });
    expect(features.mountOptions.every(isMountOption)).toBe(true);
    expect(features.mountOptions).toEqual([...features.mountOptions].sort());
    expect(JSON.parse(JSON.stringify(features))).toEqual(features);
  });

  it("have all that runc 1.1 has", async () => {
    const { mountOptions, linux } = await ociFeatures("1.2.3");
    // "acl" and "noacl" have never done anything, and newer versions of runc do not know them either.
    const runc =
      "async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime remount rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync tmpcopyup unbindable";
    expect(runc.split(" ").filter((option) => !mountOptions.includes(option))).toEqual([]);
    expect(linux.seccomp.actions).toHaveLength(9);
    expect(linux.seccomp.operators).toHaveLength(7);
    expect(linux.seccomp.archs).toContain("SCMP_ARCH_X86_64");
    expect(linux.memoryPolicy.modes).toContain("MPOL_WEIGHTED_INTERLEAVE");
  });

  it("may be fewer: what the kernel takes, and who makes cgroups", async () => {
    const options = { systemd: true, systemdUser: true, supportedFlags: ["SECCOMP_FILTER_FLAG_LOG"] };
    const { linux } = await ociFeatures("1.2.3", options);
    expect(linux.cgroup).toMatchObject({ systemd: true, systemdUser: true });
    expect(linux.seccomp.supportedFlags).toEqual(["SECCOMP_FILTER_FLAG_LOG"]);
    expect(linux.seccomp.knownFlags.length).toBeGreaterThan(1);
  });
});

describe("the state", () => {
  it("has a pid while there is a process", () => {
    const of = { name: "web", bundle: "/b", annotations: { a: "b" } };
    const common = { ociVersion: OCI_VERSION, id: "web", bundle: "/b", annotations: { a: "b" } };
    expect(ociState(of, "running", 7)).toEqual({ ...common, status: "running", pid: 7 });
    expect(ociState(of, "stopped")).toEqual({ ...common, status: "stopped" });
  });
});

describe("errors of a translated spec", () => {
  it("are told in the terms of config.json", () => {
    expect(memberInConfig("seccomp.syscalls[3].action")).toBe("linux.seccomp.syscalls[3].action");
    expect(memberInConfig("resources.memory.limit")).toBe("linux.resources.memory.limit");
    expect(memberInConfig("mounts[2].source")).toBe("mounts[2].source");
    expect(memberInConfig("process.env.A")).toBe("process.env");
    expect(memberInConfig("readonlyRoot")).toBe("root.readonly");
    const error = new LibctError("ERR_CT_INVALID_SPEC", "no", { member: "sysctl.kernel.x", hint: "leave it out" });
    expect(inConfig(error)).toMatchObject({
      message: "no (linux.sysctl.kernel.x); hint: leave it out",
      member: "linux.sysctl.kernel.x",
      code: "ERR_CT_INVALID_SPEC",
    });
    const other = new LibctError("ERR_CT_SYSCALL", "no", { member: "hooks.poststop[0]" });
    expect(inConfig(other)).toBe(other);
  });
});
