import { describe, expect, it } from "vitest";
import { STANDARD_DEVICES } from "../../../src/spec/index.ts";
import { minimal, translate, withLinux } from "./support.ts";

const mounts = (...list: readonly object[]) => {
  const { spec, warnings } = translate(minimal({ mounts: list }));
  return { mounts: spec.mounts, warnings };
};

describe("mounts of config.json", () => {
  it("are filesystems, or binds by their options, with sources from the bundle on", () => {
    expect(
      mounts(
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/a", type: "none", source: "../a", options: ["rbind", "ro"] },
        { destination: "/b", type: "bind", source: "/host/b", options: ["bind"] },
        { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
      ),
    ).toEqual({
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/a", source: "/bundles/a", options: ["rbind", "ro"] },
        { destination: "/b", source: "/host/b", options: ["bind"] },
        { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
      ],
      warnings: [],
    });
  });

  it("with a relative destination are at the root, with a warning", () => {
    const { mounts: result, warnings } = mounts({ destination: "data/../x", type: "tmpfs" });
    expect(result).toEqual([{ destination: "/x", type: "tmpfs", keepMode: true }]);
    expect(warnings).toEqual([expect.stringContaining("mounts[0].destination")]);
  });

  it("of the type bind are binds without an option that says so, with a warning", () => {
    const { mounts: result, warnings } = mounts({ destination: "/a", type: "bind", source: "/a", options: ["ro"] });
    expect(result).toEqual([{ destination: "/a", source: "/a", options: ["bind", "ro"] }]);
    expect(warnings).toEqual([expect.stringContaining("mounts[0].options")]);
  });

  it("that are binds lose options of filesystems, with a warning; others keep them", () => {
    const { mounts: result, warnings } = mounts(
      { destination: "/a", source: "/a", options: ["rbind", "nosuidd", "rro"] },
      { destination: "/b", type: "tmpfs", source: "tmpfs", options: ["size=1m", "", "tmpcopyup"] },
    );
    expect(result?.map(({ options }) => options)).toEqual([
      ["rbind", "rro"],
      ["size=1m", "tmpcopyup"],
    ]);
    expect(warnings).toEqual([expect.stringContaining("nosuidd")]);
  });

  it("are idmapped with their own mappings; an empty list is none", () => {
    const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
    const bind = { destination: "/a", source: "/a", options: ["rbind", "ridmap"] };
    expect(mounts({ ...bind, uidMappings: map, gidMappings: map }).mounts?.[0]).toMatchObject({ uidMappings: map });
    expect(mounts({ ...bind, uidMappings: [], gidMappings: [] }).mounts?.[0]).toEqual(bind);
  });
});

describe("/dev", () => {
  it("has the default devices and links", () => {
    const { spec } = translate(minimal());
    expect(spec.devices).toEqual(STANDARD_DEVICES);
    expect(spec.links?.map(({ path }) => path)).toEqual([
      "/dev/fd",
      "/dev/stdin",
      "/dev/stdout",
      "/dev/stderr",
      "/dev/ptmx",
    ]);
  });

  it("has a link to the kernel's memory where the kernel shows that", () => {
    expect(translate(minimal(), { kcore: true }).spec.links).toContainEqual({
      path: "/dev/core",
      target: "/proc/kcore",
    });
  });

  it("has the config's own devices first, which may stand for a default one", () => {
    const fuse = { path: "/dev/fuse", type: "c", major: 10, minor: 229, uid: 1, gid: 2 };
    const own = { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o020600 };
    const { spec } = translate(withLinux({ devices: [fuse, own, { path: "/run/fifo", type: "p" }] }));
    expect(spec.devices?.slice(0, 3)).toEqual([
      { ...fuse, fileMode: 0o666 },
      { ...own, fileMode: 0o600 },
      { path: "/run/fifo", type: "p", fileMode: 0o666 },
    ]);
    expect(spec.devices?.filter(({ path }) => path === "/dev/null")).toHaveLength(1);
    expect(spec.devices).toHaveLength(STANDARD_DEVICES.length + 2);
  });

  it("of the host's is left as it is", () => {
    const bind = { destination: "/dev/", type: "bind", source: "/dev", options: ["rbind"] };
    const { spec, warnings } = translate(withLinux({ devices: [{ path: "/dev/x", type: "p" }] }, { mounts: [bind] }));
    expect(spec).not.toHaveProperty("devices");
    expect(spec).not.toHaveProperty("links");
    expect(warnings).toEqual([expect.stringContaining("linux.devices")]);
  });

  it("is not touched without a mount namespace", () => {
    const { spec, warnings } = translate(minimal({ linux: {} }));
    expect(spec).not.toHaveProperty("devices");
    expect(warnings).toEqual([expect.stringContaining("no mount namespace")]);
  });
});
