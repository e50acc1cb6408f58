import { describe, expect, it } from "vitest";
import { memberInConfig } from "../../../src/flavours/oci/index.ts";
import { validateSpec } from "../../../src/spec/index.ts";
import { expandSlice, scopeName } from "../../../src/systemd/names.ts";
import { minimal, translate } from "./support.ts";

const systemdCgroup = true;
const cgroup = (cgroupsPath: string | undefined, id = "web") => {
  const linux = cgroupsPath === undefined ? {} : { cgroupsPath };
  return translate(minimal({ linux }), { systemdCgroup, id }).spec.cgroup;
};

describe("linux.cgroupsPath with --systemd-cgroup", () => {
  it.each<[string | undefined, string | undefined, string]>([
    ["machine.slice:libpod:1234", "machine.slice", "libpod-1234.scope"],
    ["kubepods-burstable-pod1.slice:cri-containerd:abc", "kubepods-burstable-pod1.slice", "cri-containerd-abc.scope"],
    [":docker:abc", undefined, "docker-abc.scope"],
    ["system.slice::abc", "system.slice", "abc.scope"],
    ["", undefined, "ct-runtime-web.scope"],
    [undefined, undefined, "ct-runtime-web.scope"],
  ])("%s", (path, slice, name) => {
    expect(cgroup(path)).toEqual({ driver: "systemd", ...(slice && { slice }), name });
  });

  it("has a default for every id", () => {
    const { name = "" } = cgroup("", "a+b.c_d-e") ?? {};
    expect(scopeName(name, "cgroup.name")).toBe("ct-runtime-a\\x2bb.c_d-e.scope");
  });

  it.each(["/absolute", "a.slice", "a.slice:b", "a.slice:b:", "a.slice:b:c:d", "a.slice:b:c/d", "a.slice::pod.slice"])(
    "%s is an error",
    (path) => {
      expect(() => cgroup(path)).toThrow(/linux\.cgroupsPath/);
    },
  );

  it("is what a wrong name of a unit comes from", () => {
    const translated = (path: string) => {
      const { slice = "", name = "" } = cgroup(path) ?? {};
      return () => [expandSlice(slice, "cgroup.slice"), scopeName(name, "cgroup.name")];
    };
    for (const path of ["a--b.slice:b:c", "a.slice:b:c d"]) {
      expect(translated(path)).toThrow(/\(cgroup\.(slice|name)\)/);
    }
    expect(["cgroup.slice", "cgroup.name"].map(memberInConfig)).toEqual(["linux.cgroupsPath", "linux.cgroupsPath"]);
  });

  it("is not there without cgroups, and is a specification that libct takes", () => {
    const config = minimal({ linux: { cgroupsPath: "a.slice:b:c" } });
    expect(translate(config, { systemdCgroup, noCgroups: true }).spec.cgroup).toEqual({ driver: "none" });
    const { spec } = translate(config, { systemdCgroup });
    expect(spec).not.toHaveProperty("cgroupsPath");
    expect(validateSpec(spec).cgroup).toEqual(spec.cgroup);
  });
});
