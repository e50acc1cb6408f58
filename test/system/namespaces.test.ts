import { readFileSync, readlinkSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ContainerSpec, type Host, LibctError } from "../../src/index.ts";
import type { NamespaceType } from "../../src/spec/index.ts";
import { capture, NAMESPACE_FILES, shell, waitForOutput } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { kernelNamespaces } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";

const TYPES = kernelNamespaces("each is made and joined");
const hasTime = TYPES.includes("time");

let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(() => host[Symbol.asyncDispose]());
auditEachTest();

const hostNamespace = (type: NamespaceType) => readlinkSync(`/proc/self/ns/${NAMESPACE_FILES[type]}`);

/** The namespaces of a container's process, by type, as the process sees them. */
async function namespacesInside(spec: ContainerSpec): Promise<Record<NamespaceType, string>> {
  // Without a procfs of its own a process in a new pid namespace is nobody in /proc/self: it is asked from outside.
  await using container = await host.create(spec);
  const process = await container.start(["/bin/cat"], { stdin: "pipe" });
  const found = TYPES.map((type) => [type, readlinkSync(`/proc/${process.pid}/ns/${NAMESPACE_FILES[type]}`)]);
  process.stdin?.end();
  await process.wait();
  return Object.fromEntries(found);
}

function expectNew(found: Record<NamespaceType, string>, created: readonly NamespaceType[]): void {
  for (const type of TYPES) {
    if (created.includes(type)) expect(found[type], type).not.toBe(hostNamespace(type));
    else expect(found[type], type).toBe(hostNamespace(type));
  }
}

describe("namespaces, each alone", () => {
  for (const type of TYPES) {
    it(`${type} is new when it is asked for, and all others are the host's`, async () => {
      expectNew(await namespacesInside({ namespaces: [type] }), [type]);
    });

    it(`${type} is joined by the path of a running container's`, async () => {
      await using owner = await host.create({ namespaces: [type] });
      const first = await owner.start(["/bin/sleep", "60"]);
      const path = owner.namespacePath(type);
      const found = await namespacesInside({ namespaces: [{ type, path }] });
      expect(found[type]).toBe(readlinkSync(`/proc/${first.pid}/ns/${NAMESPACE_FILES[type]}`));
      expectNew(found, [type]);
    });

    it(`${type} joined from the host's own path is the host's`, async () => {
      // setns(2) refuses the user namespace that the caller is in already.
      if (type === "user") return;
      expectNew(await namespacesInside({ namespaces: [{ type, path: `/proc/self/ns/${NAMESPACE_FILES[type]}` }] }), []);
    });
  }

  it("those that are joined take a name and kernel parameters, unless they are the host's own", async () => {
    await using owner = await host.create({ namespaces: ["uts", "network"] });
    await owner.start(["/bin/sleep", "60"]);
    const namespaces = (["uts", "network"] as const).map((type) => ({ type, path: owner.namespacePath(type) }));
    const spec: ContainerSpec = { namespaces, hostname: "pod", sysctl: { "net.ipv4.ping_group_range": "0 7" } };
    const range = "/proc/sys/net/ipv4/ping_group_range";
    expect(await shell(host, spec, `hostname; tr '\\t' ' ' <${range}`)).toBe("pod\n0 7");
    expect(await shell(host, { namespaces }, "hostname")).toBe("pod");
    const own: ContainerSpec = { namespaces: [{ type: "uts", path: "/proc/self/ns/uts" }], hostname: "pod" };
    await expect(capture(host, own, ["/bin/true"])).rejects.toMatchObject({ member: "hostname" });
  });

  it("a namespace file that is of another type is an error that names the member", async () => {
    const spec: ContainerSpec = { namespaces: [{ type: "uts", path: "/proc/self/ns/ipc" }] };
    await expect(capture(host, spec, ["/bin/true"])).rejects.toMatchObject({
      code: "ERR_CT_SYSCALL",
      syscall: "setns",
      errno: "EINVAL",
      member: "namespaces[0].path",
    });
  });

  it("the path of a namespace is refused while nothing runs", async () => {
    await using container = await host.create({ namespaces: ["uts"] });
    expect(() => container.namespacePath("uts")).toThrow(LibctError);
  });
});

describe("namespaces together", () => {
  it("any subset of them can be made", async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray([...TYPES]), async (types) => {
        expectNew(await namespacesInside({ namespaces: types }), types);
      }),
      { numRuns: 20 },
    );
  });

  it("any subset of them can be joined, and the rest made", async () => {
    await using owner = await host.create({ namespaces: TYPES });
    const first = await owner.start(["/bin/sleep", "60"]);
    await fc.assert(
      fc.asyncProperty(fc.subarray([...TYPES]), fc.subarray([...TYPES]), async (join, make) => {
        // Of these the next two tests tell.
        const impossible = join.includes("mount") || (join.includes("pid") && make.includes("time"));
        const made = make.filter((type) => !join.includes(type) && !(type === "user" && impossible));
        const joined = join.map((type) => ({ type, path: owner.namespacePath(type) }));
        const found = await namespacesInside({ namespaces: [...joined, ...made] });
        expectNew(found, [...join, ...made]);
        for (const type of join) {
          expect(found[type]).toBe(readlinkSync(`/proc/${first.pid}/ns/${NAMESPACE_FILES[type]}`));
        }
      }),
      { numRuns: 40 },
    );
  });

  for (const [type, others] of [
    ["mount", ["user"]],
    ["pid", ["user", "time"]],
  ] as const) {
    it.runIf(hasTime || type === "mount")(
      `an older ${type} namespace cannot be joined with new ${others.join(" and ")}, and the error says what can be done`,
      async () => {
        const path = `/proc/self/ns/${NAMESPACE_FILES[type]}`;
        const spec: ContainerSpec = { namespaces: [{ type, path }, ...others] };
        await expect(capture(host, spec, ["/bin/true"])).rejects.toMatchObject({
          code: "ERR_CT_INVALID_SPEC",
          member: "namespaces[0].path",
          hint: expect.stringContaining("join the user namespace"),
        });
      },
    );
  }

  it("a container of nothing is merely a child process", async () => {
    expectNew(await namespacesInside({}), []);
    const script = "pwd; hostname; readlink /proc/self/root; id -u; cat /proc/self/status | grep CapEff";
    const inside = await shell(host, {}, script);
    expect(inside.split("\n")).toEqual([
      process.cwd(),
      readFileSync("/proc/sys/kernel/hostname", "utf8").trim(),
      "/",
      String(process.getuid?.()),
      /^CapEff:.*$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[0],
    ]);
  });
});

it.skipIf(hasTime)("a time namespace is refused by name on a kernel that has none", async () => {
  await expect(capture(host, { namespaces: ["time"] }, ["/bin/true"])).rejects.toMatchObject({
    code: "ERR_CT_NOT_SUPPORTED",
    member: "namespaces",
  });
});

describe.runIf(hasTime)("the time namespace", () => {
  for (const namespaces of [["time"], ["user", "time"]] as const) {
    it(`has the clocks' offsets that were asked for (${namespaces.join(" and ")})`, async () => {
      const spec: ContainerSpec = {
        namespaces,
        timeOffsets: { boottime: { secs: 864_000, nanosecs: 500 }, monotonic: { secs: 172_800 } },
      };
      const offsets = await shell(host, spec, "cat /proc/self/timens_offsets; cat /proc/uptime");
      const lines = offsets.split("\n").map((line) => line.trim().split(/\s+/));
      expect(lines.slice(0, 2)).toEqual([
        ["monotonic", "172800", "0"],
        ["boottime", "864000", "500"],
      ]);
      const own = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
      expect(Number(lines[2]?.[0]) - own).toBeGreaterThanOrEqual(863_999);
    });
  }
});

describe("the pid namespace", () => {
  const spec: ContainerSpec = { namespaces: ["pid", "mount"], mounts: [{ destination: "/proc", type: "proc" }] };

  it("has the command as its process 1, and nothing of the host", async () => {
    const seen = await shell(host, spec, "echo $$; set -- /proc/[0-9]*; echo $#; cat /proc/1/comm");
    // sh alone
    expect(seen).toBe("1\n1\nsh");
  });

  it("ends with its process 1: everything in it is killed", async () => {
    await using container = await host.create(spec);
    const script = "for i in 1 2 3; do (trap '' TERM; sleep 7654) & done; echo ready; wait";
    const process = await container.start(["/bin/bash", "-c", script]);
    await waitForOutput(process, "ready");
    await process.kill("SIGKILL");
    expect(await process.wait()).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
    // auditEachTest looks for the children.
  });

  it("without one, the descendants of the command end with it too", async () => {
    const result = await capture(host, {}, ["/bin/sh", "-c", "setsid sleep 7655 & setsid sleep 7656 & echo $!"]);
    expect(() => readFileSync(`/proc/${result.stdout.trim()}/stat`)).toThrow();
  });

  it("is joined: the new process is seen there", async () => {
    await using owner = await host.create(spec);
    await owner.start(["/bin/sleep", "60"]);
    const joined: ContainerSpec = {
      namespaces: [
        { type: "pid", path: owner.namespacePath("pid") },
        { type: "mount", path: owner.namespacePath("mount") },
      ],
    };
    expect(await shell(host, joined, "cat /proc/1/comm; test $$ -gt 1 && cat /proc/$$/comm")).toBe("sleep\nsh");
  });
});

describe("other namespaces hold what is theirs", () => {
  it("uts: hostname and domainname are the container's own", async () => {
    const before = readFileSync("/proc/sys/kernel/hostname", "utf8");
    const spec: ContainerSpec = { namespaces: ["uts"], hostname: "büchse", domainname: "example.org" };
    const seen = await shell(host, spec, "cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname");
    expect(seen).toBe("büchse\nexample.org");
    expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).toBe(before);
  });

  it("network: there is a loopback and nothing else", async () => {
    const seen = await shell(host, { namespaces: ["network"] }, "tail -n +3 /proc/net/dev | cut -d: -f1");
    expect(seen.trim()).toBe("lo");
  });

  it("network: ends with its container, and is seen by one that joins it", async () => {
    await using owner = await host.create({ namespaces: ["network"], sysctl: { "net.ipv4.ip_forward": "1" } });
    await owner.start(["/bin/sleep", "60"]);
    const joined: ContainerSpec = { namespaces: [{ type: "network", path: owner.namespacePath("network") }] };
    expect(await shell(host, joined, "cat /proc/sys/net/ipv4/ip_forward")).toBe("1");
  });

  it("ipc: kernel parameters are set in it alone", async () => {
    const before = readFileSync("/proc/sys/kernel/msgmax", "utf8");
    const spec: ContainerSpec = { namespaces: ["ipc"], sysctl: { "kernel.msgmax": "4321" } };
    expect(await shell(host, spec, "cat /proc/sys/kernel/msgmax")).toBe("4321");
    expect(readFileSync("/proc/sys/kernel/msgmax", "utf8")).toBe(before);
  });

  it("user: ids are mapped as asked for, seen from inside and from outside", async () => {
    const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    const spec: ContainerSpec = { namespaces: ["user"], uidMappings: map, gidMappings: map };
    await using container = await host.create(spec);
    const process = await container.start(
      { args: ["/bin/sh", "-c", "id -u; id -g; cat"], user: { uid: 5, gid: 6 } },
      {
        stdin: "pipe",
      },
    );
    expect(await waitForOutput(process, "6\n")).toBe("5\n6\n");
    const status = readFileSync(`/proc/${process.pid}/status`, "utf8");
    expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe("100005");
    expect(/^Gid:\s+(\d+)/m.exec(status)?.[1]).toBe("100006");
  });

  it("cgroup: its root is where the container stands", async () => {
    const spec: ContainerSpec = { namespaces: ["cgroup"], resources: { pids: { limit: 32 } } };
    const seen = await shell(host, spec, "cat /proc/self/cgroup");
    expect(seen.split("\n").every((line) => line.endsWith(":/"))).toBe(true);
  });
});
