import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/flavours/oci/index.ts";
import { validateSpec } from "../../../src/spec/index.ts";
import { minimal, translate, withLinux } from "./support.ts";

const linux = (more: object) => translate(withLinux(more)).spec;
const rejected = (more: object) => expect(() => linux(more));
const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
const user = [{ type: "mount" }, { type: "user" }];

describe("a container of config.json", () => {
  it("has the id as its name, its root below the bundle, and no monitor", () => {
    const { spec } = translate(minimal({ root: { path: "rootfs/../r", readonly: true } }), { id: ".a+b_c-D.9" });
    expect(spec).toMatchObject({ name: ".a+b_c-D.9", root: "/bundles/web/r", readonlyRoot: true, lifetime: "orphan" });
    expect(validateSpec(spec).name).toBe(".a+b_c-D.9");
    expect(translate(minimal({ root: { path: "/r" } })).spec).toMatchObject({ root: "/r" });
  });

  it("is entered without pivot_root when that is asked for", () => {
    expect(translate(minimal(), { noPivot: true }).spec.rootMode).toBe("move");
    expect(translate(minimal()).spec).not.toHaveProperty("rootMode");
  });

  it("may be of any 1.x version of the specification", () => {
    for (const ociVersion of ["1.0.0", "1.0.2-dev", "1.1.0+dev", "1.3.0", "1.99.1-rc.1+a.b"]) {
      expect(translate(minimal({ ociVersion })).spec.name).toBe("web");
    }
    expect(() => translate(minimal({ ociVersion: "2.0.0" }))).toThrow(/version 2\.0\.0 .*\(ociVersion\)/);
    expect(() => translate(minimal({ ociVersion: "0.1.0" }))).toThrow(/ERR_|ociVersion/);
    for (const ociVersion of ["1.0", "v1.0.0", "", "1.0.0 "]) {
      expect(() => translate(minimal({ ociVersion }))).toThrow(/ociVersion/);
    }
  });

  it("has names, annotations and hooks", () => {
    const hook = { path: "/bin/hook", args: ["hook", "-x"], env: ["A=1"], timeout: 5 };
    const config = minimal({
      hostname: "web",
      domainname: "lan",
      annotations: { "com.example.a": "" },
      hooks: { prestart: [hook], poststop: [{ path: "/bin/x", args: [] }], poststart: [] },
    });
    expect(translate(config).spec).toMatchObject({
      hostname: "web",
      domainname: "lan",
      annotations: { "com.example.a": "" },
      hooks: { prestart: [{ ...hook, env: { A: "1" } }], poststop: [{ path: "/bin/x" }] },
    });
    expect(translate(minimal({ hooks: { prestart: [] }, hostname: "" })).spec).not.toHaveProperty("hooks");
    expect(() => translate(minimal({ hooks: { createRuntime: [{ path: "hook" }] } }))).toThrow(
      /hooks\.createRuntime\[0\]\.path/,
    );
  });
});

describe("namespaces", () => {
  it("are made, or joined by their paths", () => {
    const namespaces = [{ type: "mount", path: "" }, { type: "network", path: "/run/netns/a" }, { type: "pid" }];
    expect(linux({ namespaces }).namespaces).toEqual(["mount", { type: "network", path: "/run/netns/a" }, "pid"]);
    rejected({ namespaces: [{ type: "pid" }, { type: "network", path: "ns" }] }).toThrow(
      /linux\.namespaces\[1\]\.path/,
    );
  });

  it("of users need mappings, and mappings need one of them", () => {
    expect(linux({ namespaces: user, uidMappings: map, gidMappings: map })).toMatchObject({ uidMappings: map });
    rejected({ namespaces: user, gidMappings: map }).toThrow(/linux\.uidMappings/);
    rejected({ namespaces: user, uidMappings: map }).toThrow(/linux\.gidMappings/);
    expect(() => validateSpec(linux({ uidMappings: map, gidMappings: map }))).toThrow(/uidMappings/);
  });

  it("of users that are joined have their own mappings", () => {
    const namespaces = [{ type: "mount" }, { type: "user", path: "/proc/1/ns/user" }];
    const { spec, warnings } = translate(withLinux({ namespaces, uidMappings: map, gidMappings: map }));
    expect(spec).not.toHaveProperty("uidMappings");
    expect(warnings).toEqual([expect.stringContaining("linux.uidMappings")]);
  });

  it("have clocks that can be moved", () => {
    const namespaces = [{ type: "mount" }, { type: "time" }];
    const timeOffsets = { monotonic: { secs: 172800, nanosecs: 0 }, boottime: { secs: -604800 } };
    expect(linux({ namespaces, timeOffsets }).timeOffsets).toEqual(timeOffsets);
    rejected({ namespaces, timeOffsets: { realtime: { secs: 1 } } }).toThrow(/linux\.timeOffsets\.realtime/);
  });
});

describe("the rest of linux", () => {
  it("is taken as it is", () => {
    const given = {
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: ["/proc/sys"],
      sysctl: { "net.ipv4.ip_forward": "1" },
      netDevices: { eth1: { name: "data" }, eth2: {} },
      mountLabel: "system_u:object_r:container_file_t:s0",
      memoryPolicy: { mode: "MPOL_BIND", nodes: "0-1", flags: ["MPOL_F_STATIC_NODES"] },
    };
    expect(linux(given)).toMatchObject(given);
    const nothing = linux({ mountLabel: "", rootfsPropagation: "", netDevices: { eth1: { name: "" } }, seccomp: {} });
    expect(nothing).not.toHaveProperty("mountLabel");
    expect(nothing).not.toHaveProperty("seccomp");
    expect(nothing.netDevices).toEqual({ eth1: {} });
  });

  it("has propagations with and without r", () => {
    expect(linux({ rootfsPropagation: "rshared" }).rootfsPropagation).toBe("shared");
    expect(linux({ rootfsPropagation: "unbindable" }).rootfsPropagation).toBe("unbindable");
    rejected({ rootfsPropagation: "privat" }).toThrow(/linux\.rootfsPropagation.*did you mean "private"/);
  });

  it("has a personality for every process, and warns of flags, of which there are none", () => {
    const { spec, process, warnings } = translate(withLinux({ personality: { domain: "LINUX32", flags: ["X"] } }));
    expect([spec.process?.personality, process?.personality]).toEqual(["LINUX32", "LINUX32"]);
    expect(warnings).toEqual([expect.stringContaining("linux.personality.flags")]);
    rejected({ personality: { domain: "BSD" } }).toThrow(/linux\.personality\.domain/);
  });

  it("has Intel's resource control, in the words of every version", () => {
    const rdt = {
      closID: "a",
      schemata: ["L3:0=f"],
      l3CacheSchema: "",
      memBwSchema: "MB:0=20",
      enableMonitoring: false,
    };
    expect(linux({ intelRdt: rdt }).intelRdt).toEqual({ closID: "a", schemata: ["L3:0=f"], memBwSchema: "MB:0=20" });
    expect(linux({ intelRdt: { enableCMT: true } }).intelRdt).toEqual({ enableMonitoring: true });
  });

  it("has cgroups in a place that is not left", () => {
    const path = (cgroupsPath: string) => translate(withLinux({ cgroupsPath })).spec.cgroupsPath;
    expect(path("/docker/abc")).toBe("/docker/abc");
    expect(path("../../a/./b/")).toBe("a/b");
    expect(path("/../a")).toBe("/a");
    expect(path("")).toBeUndefined();
    expect(() => path("/")).toThrow(/linux\.cgroupsPath/);
  });

  it("has a profile of seccomp, which allows speculation unless it has flags", () => {
    const profile = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/run/s", listenerMetadata: "x", syscalls: [] };
    expect(linux({ seccomp: profile }).seccomp).toEqual({ ...profile, flags: ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"] });
    expect(linux({ seccomp: { ...profile, flags: [] } }).seccomp).toEqual({ ...profile, flags: [] });
    const wide = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["a"], action: "SCMP_ACT_LOG", args: [] }] };
    const argument = '"args":[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]';
    const text = JSON.stringify(withLinux({ seccomp: wide })).replace('"args":[]', argument);
    expect(validateSpec(translate(parseConfig(text)).spec).seccomp).toMatchObject({
      syscalls: [{ args: [{ index: 0, value: 2n ** 64n - 1n, op: "SCMP_CMP_EQ" }] }],
    });
  });
});
