import { describe, expect, it } from "vitest";
import { parseLayout } from "../../src/cgroup/index.ts";

const TMPFS = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755";
const v1 = (names: string, directory = names, root = "/") =>
  `32 31 0:29 ${root} /sys/fs/cgroup/${directory} rw,relatime shared:9 - cgroup cgroup rw,${names}`;
const v2 = (directory = "", root = "/") =>
  `41 31 0:38 ${root} /sys/fs/cgroup${directory} rw,relatime - cgroup2 cgroup2 rw,nsdelegate`;
const lines = (...all: string[]) => `${all.join("\n")}\n`;

describe("the layout of cgroups", () => {
  it("is that of version 2 alone, with the controllers that its top has", () => {
    const layout = parseLayout({
      mountinfo: lines("22 1 8:1 / / rw - ext4 /dev/sda rw", v2()),
      cgroup: "0::/user.slice/user-1000.slice/session-3.scope\n",
      controllers: "cpuset cpu io memory pids\n",
    });
    expect(layout).toEqual({
      kind: "v2",
      hierarchies: [
        {
          version: 2,
          mountPoint: "/sys/fs/cgroup",
          controllers: ["cpuset", "cpu", "io", "memory", "pids"],
          own: "/user.slice/user-1000.slice/session-3.scope",
        },
      ],
    });
  });

  it("is that of version 1, with controllers mounted together in either order and a named hierarchy", () => {
    const layout = parseLayout({
      mountinfo: lines(TMPFS, v1("cpuacct,cpu", "cpu,cpuacct"), v1("memory"), v1("xattr,name=systemd", "systemd")),
      cgroup: "5:memory:/a/b\n4:cpu,cpuacct:/\n1:name=systemd:/x\n",
      controllers: "",
    });
    expect(layout).toEqual({
      kind: "v1",
      hierarchies: [
        { version: 1, mountPoint: "/sys/fs/cgroup/cpu,cpuacct", controllers: ["cpu", "cpuacct"], own: "" },
        { version: 1, mountPoint: "/sys/fs/cgroup/memory", controllers: ["memory"], own: "/a/b" },
        { version: 1, mountPoint: "/sys/fs/cgroup/systemd", controllers: [], own: "/x" },
      ],
    });
  });

  it("is hybrid with both, each controller being in one of them", () => {
    const layout = parseLayout({
      mountinfo: lines(TMPFS, v1("pids"), v2("/unified")),
      cgroup: "8:pids:/\n0::/\n",
      controllers: "hugetlb\n",
    });
    expect(layout.kind).toBe("hybrid");
    expect(layout.hierarchies.map(({ controllers }) => controllers)).toEqual([["pids"], ["hugetlb"]]);
  });

  it("is none without a mount", () => {
    expect(parseLayout({ mountinfo: lines(TMPFS), cgroup: "0::/\n", controllers: "" })).toEqual({
      kind: "none",
      hierarchies: [],
    });
  });

  it("counts a path from what the mount shows, as in a container without a cgroup namespace", () => {
    const layout = parseLayout({
      mountinfo: lines(TMPFS, v1("pids", "pids", "/docker/1f"), v1("memory", "memory", "/docker/1f")),
      cgroup: "2:pids:/docker/1f/below\n1:memory:/elsewhere\n",
      controllers: "",
    });
    expect(layout.hierarchies.map(({ own }) => own)).toEqual(["/below", undefined]);
  });

  it("knows no own place when the caller was left outside of its cgroup namespace", () => {
    const layout = parseLayout({ mountinfo: lines(v2("", "/..")), cgroup: "0::/../other\n", controllers: "pids" });
    expect(layout.hierarchies[0]?.own).toBeUndefined();
  });

  it("takes the first place of a hierarchy that is mounted twice, and reads blanks and colons in names", () => {
    const layout = parseLayout({
      mountinfo: lines(TMPFS, v1("pids", "p\\040q"), v1("pids", "again")),
      cgroup: "8:pids:/a:b c\n",
      controllers: "",
    });
    expect(layout.hierarchies).toEqual([
      { version: 1, mountPoint: "/sys/fs/cgroup/p q", controllers: ["pids"], own: "/a:b c" },
    ]);
  });

  it("leaves out a hierarchy of version 1 that the kernel does not list (any more)", () => {
    const layout = parseLayout({ mountinfo: lines(v1("rdma"), v1("pids")), cgroup: "8:pids:/\n", controllers: "" });
    expect(layout.hierarchies.map(({ controllers }) => controllers)).toEqual([["pids"]]);
  });
});
