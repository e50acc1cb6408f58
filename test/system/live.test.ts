import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Container,
  type ContainerSpec,
  type Host,
  hostRoot,
  type Mount,
  overlay,
  standard,
} from "../../src/index.ts";
import { mountLine, outcome } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { hasOpenTree } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot, temporaryDirectory } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();
const data = temporaryDirectory();
writeFileSync(`${data}/hello`, "hello from the host\n");
mkdirSync(`${data}/below`);
let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(() => host[Symbol.asyncDispose]());

const QUIET = { stdout: "ignore", stderr: "ignore" } as const;
const PLAIN: ContainerSpec = { ...standard({ userNamespace: false }), root };
const USER: ContainerSpec = { ...standard({ userNamespace: true }), root };

async function running(spec: ContainerSpec = PLAIN): Promise<Container> {
  const container = await host.create(spec);
  await container.start(["/bin/sleep", "1000"], QUIET);
  return container;
}

async function inside(container: Container, script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await outcome(await container.exec(["/bin/sh", "-c", script]));
  if (exitCode !== 0) throw new Error(`status ${exitCode}: ${stdout}${stderr}`);
  return stdout.trimEnd();
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const bind = (destination: string, ...options: string[]): Mount => ({
  destination,
  source: data,
  options: ["bind", ...options],
});
const names = async (container: Container, path: string) => (await inside(container, `ls -A ${path}`)).split("\n");

const runs = hasOpenTree();

describe.runIf(runs)("a bind mount that is added to a running container", () => {
  for (const [name, spec] of [
    ["a directory", PLAIN],
    ["an overlay", { ...PLAIN, root: overlay({ lower: [root] }) }],
    ["the host's root", { ...PLAIN, root: hostRoot() }],
    ["a user namespace", USER],
    ["a chroot in a mount namespace", { ...PLAIN, rootMode: "chroot" }],
  ] as const) {
    it(`is seen there, and goes again: ${name}`, async () => {
      await using container = await running(spec);
      await container.mount(bind("/tmp/data"));
      expect(await inside(container, "cat /tmp/data/hello")).toBe("hello from the host");
      await container.unmount("/tmp/data");
      expect(await inside(container, "ls -A /tmp/data")).toBe("");
      expect(readdirSync(data).sort()).toEqual(["below", "hello"]);
      if (name !== "an overlay")
        rmSync("root" in spec && spec.root === root ? `${root}/tmp/data` : "/tmp/data", {
          recursive: true,
          force: true,
        });
    });
  }

  it("has the options of the specification", async () => {
    await using container = await running(PLAIN);
    await container.mount(bind("/run/data", "ro", "nosuid", "noexec", "rslave"));
    const line = mountLine(await inside(container, "cat /proc/self/mountinfo"), "/run/data");
    expect(line.options).toEqual(expect.arrayContaining(["ro", "nosuid", "noexec"]));
    await expect(inside(container, "touch /run/data/x")).rejects.toThrow("Read-only");
    await container.mount({ destination: "/run/data", options: ["remount", "bind", "nosuid"] });
    expect(mountLine(await inside(container, "cat /proc/self/mountinfo"), "/run/data").options).toContain("rw");
  });

  it("is a file on a file", async () => {
    await using container = await running(PLAIN);
    await container.mount({ destination: "/run/deep/er/hello", source: `${data}/hello`, options: ["bind"] });
    expect(await inside(container, "cat /run/deep/er/hello")).toBe("hello from the host");
  });

  it("has the ids of the container's user namespace, when it is idmapped", async () => {
    const maps = [{ containerID: 0, hostID: 100000, size: 65536 }];
    await using container = await running({
      ...USER,
      uidMappings: maps,
      gidMappings: maps,
      mounts: [...(USER.mounts ?? []), { destination: "/run", type: "tmpfs" }],
    });
    await container.mount(bind("/run/plain"));
    await container.mount(bind("/run/mapped", "idmap"));
    expect(await inside(container, "stat -c %u /run/plain/hello /run/mapped/hello")).toBe("65534\n0");
  });

  it("is made inside the container's root, wherever its links lead", async () => {
    const outside = temporaryDirectory();
    symlinkSync(`/../../../../..${outside}`, `${root}/run/escape`);
    mkdirSync(`${root}${outside}`, { recursive: true });
    await using container = await running(PLAIN);
    await container.mount(bind("/run/escape/target"));
    expect(readdirSync(outside)).toEqual([]);
    expect(await inside(container, `cat ${outside}/target/hello`)).toBe("hello from the host");
    for (let fd = 3; fd < 10; fd++) {
      symlinkSync(`/proc/self/fd/${fd}`, `${root}/run/fd-${fd}`);
      expect([fd, await failure(container.mount(bind(`/run/fd-${fd}/x`)))]).toEqual([
        fd,
        expect.objectContaining({ member: "mounts[0]" }),
      ]);
    }
  });

  it("leaves nothing when it fails", async () => {
    await using container = await running(PLAIN);
    const before = await inside(container, "cat /proc/self/mountinfo; find /run /tmp");
    const onFile = { destination: "/etc/passwd", source: data, options: ["bind"] };
    expect(await failure(container.mount(onFile))).toMatchObject({ code: "ERR_CT_SYSCALL", member: "mounts[0]" });
    const bad = { destination: "/run/some/where", type: "tmpfs", options: ["no-such-option=1"] };
    expect(await failure(container.mount(bad))).toMatchObject({
      syscall: "mount",
      errno: "EINVAL",
      member: "mounts[0]",
    });
    const typo = { destination: "/run/some/where", type: "nofs" };
    expect(await failure(container.mount(typo))).toMatchObject({ errno: "ENODEV" });
    expect(await failure(container.mount(bind("/run/new/dir/../../../etc/passwd/x")))).toMatchObject({
      member: "mounts[0]",
    });
    expect(await inside(container, "cat /proc/self/mountinfo; find /run /tmp")).toBe(before);
  });

  it("is checked as at the making of a container", async () => {
    await using container = await running(PLAIN);
    expect(await failure(container.mount({ destination: "run" }))).toMatchObject({ member: "mounts[0].destination" });
    expect(await failure(container.mount(bind("/")))).toMatchObject({ code: "ERR_CT_INVALID_SPEC" });
    expect(await failure(container.mount({ ...bind("/run/x"), source: "/no/such/path" }))).toMatchObject({
      member: "mounts[0].source",
    });
    await using bare = await running({ root });
    expect(await failure(bare.mount(bind("/run/x")))).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "mounts" });
  });
});

describe("a filesystem that is added to a running container", () => {
  it("is of the container's own namespaces", async () => {
    await using container = await running(USER);
    await container.mount({ destination: "/run/proc", type: "proc" });
    expect(await inside(container, "cat /run/proc/1/comm")).toBe("sleep");
    await container.mount({ destination: "/run/tmp", type: "tmpfs", options: ["size=64k", "nodev"] });
    expect(await inside(container, "df -k /run/tmp | tail -n 1 | awk '{print $2}'")).toBe("64");
  });

  it("goes when it is not in use, or at once", async () => {
    await using container = await running(PLAIN);
    await container.mount({ destination: "/run/tmp", type: "tmpfs" });
    const user = await container.exec({ args: ["/bin/sleep", "1000"], cwd: "/run/tmp" }, QUIET);
    expect(await failure(container.unmount("/run/tmp"))).toMatchObject({ errno: "EBUSY", syscall: "umount2" });
    await container.unmount("/run/tmp", { detach: true });
    expect(await inside(container, "grep -c /run/tmp /proc/self/mountinfo || true")).toBe("0");
    await user.kill("SIGKILL");
    expect(await failure(container.unmount("/run/tmp"))).toMatchObject({ errno: "EINVAL" });
  });
});

describe("a device that is added to a running container", () => {
  const full = { path: "/dev/zero2", type: "c", major: 1, minor: 5, fileMode: 0o640, uid: 1000 } as const;

  it("is a node of its own, and goes again", async () => {
    await using container = await running(PLAIN);
    await container.addDevice(full);
    expect(await inside(container, "stat -c '%F %t:%T %a %u' /dev/zero2; head -c 4 /dev/zero2 | wc -c")).toBe(
      "character special file 1:5 640 1000\n4",
    );
    await container.addDevice({ path: "/dev/deep/pipe", type: "p" });
    await container.removeDevice("/dev/zero2");
    await container.removeDevice("/dev/deep/pipe");
    expect(await inside(container, "ls /dev/zero2 /dev/deep 2>/dev/null || true")).toBe("/dev/deep:");
  });

  it.runIf(runs)("is the host's own in a user namespace", async () => {
    await using container = await running(USER);
    await inside(container, "umount /dev/full 2>/dev/null; true");
    await container.addDevice({ path: "/dev/kmsg", type: "c", major: 1, minor: 11 }).catch(() => undefined);
    await container.removeDevice("/dev/zero");
    expect(await names(container, "/dev")).not.toContain("zero");
    await container.addDevice({ path: "/dev/zero", type: "c", major: 1, minor: 5 });
    expect(await inside(container, "head -c 4 /dev/zero | wc -c")).toBe("4");
    expect(await failure(container.addDevice(full))).toMatchObject({
      code: "ERR_CT_NOT_PERMITTED",
      member: "devices[0]",
    });
  });

  it("does not take the place of something else, and nothing but a device is removed", async () => {
    await using container = await running(PLAIN);
    writeFileSync(`${root}/tmp/file`, "");
    expect(await failure(container.addDevice({ ...full, path: "/tmp/file" }))).toMatchObject({ errno: "EEXIST" });
    expect(await failure(container.removeDevice("/tmp/file"))).toMatchObject({
      errno: "ENODEV",
      message: expect.stringContaining("/tmp/file is no device"),
    });
    expect(existsSync(`${root}/tmp/file`)).toBe(true);
    expect(await failure(container.addDevice({ path: "/dev/x", type: "c" }))).toMatchObject({
      member: "devices[0].major",
    });
  });
});

describe("the names and parameters of a running container", () => {
  for (const [name, spec] of [
    ["as root", PLAIN],
    ["in a user namespace", USER],
  ] as const) {
    it(`are set: ${name}`, async () => {
      await using container = await running(spec);
      await container.setHostname("new-name");
      await container.setDomainname("example");
      expect(await inside(container, "hostname; cat /proc/sys/kernel/domainname")).toBe("new-name\nexample");
      await container.setSysctl({
        "net.ipv4.ip_forward": "1",
        "kernel.msgmax": "4096",
        "net.ipv4.ping_group_range": "0 0",
      });
      expect(await inside(container, "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax")).toBe("1\n4096");
    });
  }

  it("are not the host's", async () => {
    const own = execFileSync("hostname", { encoding: "utf8" });
    await using container = await running({ root, namespaces: ["mount", "pid"] });
    expect(await failure(container.setHostname("x"))).toMatchObject({
      code: "ERR_CT_INVALID_SPEC",
      member: "hostname",
    });
    expect(await failure(container.setSysctl({ "kernel.msgmax": "1" }))).toMatchObject({
      member: "sysctl.kernel.msgmax",
    });
    expect(execFileSync("hostname", { encoding: "utf8" })).toBe(own);
  });

  it("are all as before when one of them is refused", async () => {
    await using container = await running(PLAIN);
    const look = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax";
    const before = await inside(container, look);
    const refused = container.setSysctl({ "net.ipv4.ip_forward": "1", "kernel.msgmax": "not a number" });
    expect(await failure(refused)).toMatchObject({ errno: "EINVAL", member: "sysctl.kernel.msgmax" });
    expect(await inside(container, look)).toBe(before);
  });
});

describe("the resource limits of a running container", () => {
  for (const [name, spec] of [
    ["in a pid namespace", PLAIN],
    ["in a user namespace", USER],
    ["with a cgroup", { ...PLAIN, resources: { pids: { limit: 50 } } }],
    ["without a pid namespace", { ...PLAIN, namespaces: ["mount", "ipc", "uts", "network"] }],
  ] as const) {
    it(`are set for all of its processes: ${name}`, async () => {
      await using container = await host.create(spec as ContainerSpec);
      const script = "sleep 1000 & sleep 1000 & wait";
      await container.start(["/bin/sh", "-c", script], QUIET);
      await container.setRlimits([
        { type: "RLIMIT_NOFILE", soft: 50, hard: 60 },
        { type: "RLIMIT_CORE", soft: 0, hard: 0 },
      ]);
      const init = container.process?.pid ?? -1;
      const seen = execFileSync(
        "sh",
        [
          "-c",
          `for p in ${init} $(cat /proc/${init}/task/${init}/children); do grep 'open files' /proc/$p/limits; done`,
        ],
        { encoding: "utf8" },
      );
      expect(
        seen
          .trim()
          .split("\n")
          .map((line) => line.split(/\s+/).slice(3, 5)),
      ).toEqual(Array(3).fill(["50", "60"]));
    });
  }

  it("are checked, and those of the host's processes stay", async () => {
    await using container = await running(PLAIN);
    expect(await failure(container.setRlimits([{ type: "RLIMIT_NOFILE", soft: 2, hard: 1 }]))).toMatchObject({
      code: "ERR_CT_INVALID_SPEC",
    });
    expect(execFileSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }).trim()).not.toBe("50");
  });
});

it("a container that has ended cannot be changed", async () => {
  await using container = await running(PLAIN);
  await container.process?.kill("SIGKILL");
  await container.process?.wait();
  for (const change of [
    container.mount(bind("/run/x")),
    container.unmount("/run/x"),
    container.addDevice({ path: "/dev/x", type: "p" }),
    container.setHostname("x"),
    container.setRlimits([]),
  ]) {
    expect(await failure(change)).toMatchObject({ code: "ERR_CT_STATE" });
  }
});
