import { existsSync, mkdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Command,
  type Container,
  type ContainerSpec,
  type EnterOptions,
  type Host,
  hostRoot,
  type NamespaceType,
  overlay,
  standard,
} from "../../src/index.ts";
import { NAMESPACE_TYPES } from "../../src/spec/index.ts";
import { NAMESPACE_FILES, outcome, waitForOutput } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();
let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(() => host[Symbol.asyncDispose]());

const PLAIN: ContainerSpec = { ...standard({ userNamespace: false }), root };
const QUIET = { stdout: "ignore", stderr: "ignore" } as const;

/** A container whose first process only waits. */
async function running(spec: ContainerSpec): Promise<Container> {
  const container = await host.create(spec);
  await container.start(["/bin/sleep", "1000"], QUIET);
  return container;
}

const exec = async (container: Container, command: Command, options: EnterOptions = {}) =>
  await outcome(await container.exec(command, options));

/** Output of a script of the shell in the container. */
async function inside(container: Container, script: string, options: EnterOptions = {}): Promise<string> {
  const { stdout, stderr, exitCode } = await exec(container, ["/bin/sh", "-c", script], options);
  if (exitCode !== 0) throw new Error(`status ${exitCode}: ${stdout}${stderr}`);
  return stdout.trimEnd();
}

const ROOTS: Readonly<Record<string, ContainerSpec>> = {
  "a directory": PLAIN,
  "an overlay": { ...standard({ userNamespace: false }), root: overlay({ lower: [root] }) },
  "the host's root": { ...standard({ userNamespace: false }), root: hostRoot() },
  "a directory in a user namespace": { ...standard({ userNamespace: true }), root },
  "a directory in a user namespace with other ids": {
    ...standard({ userNamespace: true }),
    root,
    uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    gidMappings: [{ containerID: 0, hostID: 200000, size: 65536 }],
  },
  "a directory, moved to /": { ...PLAIN, rootMode: "move" },
  "a chroot in a mount namespace": { ...PLAIN, rootMode: "chroot" },
  "a directory and its own clocks": {
    ...PLAIN,
    namespaces: [...(PLAIN.namespaces ?? []), "time"],
    timeOffsets: { boottime: { secs: 100000 } },
  },
};

describe("a process that enters a container", () => {
  for (const [name, spec] of Object.entries(ROOTS)) {
    it(`is where its first process is: ${name}`, async () => {
      await using container = await running({ ...spec, hostname: "box" });
      const look = "cat /proc/1/comm; hostname; id -u; pwd; ls -d /proc/1/root/bin/sh; readlink /proc/1/exe";
      const seen = await inside(container, look);
      const shellOf = name.includes("host's") ? expect.stringMatching(/sleep|busybox/) : "/bin/busybox";
      const [comm, hostname, uid, cwd, , exe] = seen.split("\n");
      expect({ comm, hostname, uid, cwd, exe }).toEqual({
        comm: "sleep",
        hostname: "box",
        uid: "0",
        cwd: "/",
        exe: shellOf,
      });
    });
  }

  it("shares every namespace with it, and none that was not asked for", async () => {
    const types = ["user", "mount", "pid", "network", "ipc", "uts", "cgroup", "time"] as const;
    await using container = await running({
      ...standard({ userNamespace: true }),
      root: hostRoot(),
      namespaces: types,
    });
    const links = (pid: number | "self") => new Map(types.map((type) => [type, namespaceOf(pid, type)]));
    const init = container.process?.pid ?? -1;
    for (const chosen of [types, ["user"], ["user", "network"], ["user", "pid", "mount"], ["user", "time"]] as const) {
      const process = await container.exec(["/bin/sleep", "100"], { ...QUIET, namespaces: chosen });
      const seen = links(process.pid);
      for (const type of types) {
        const wanted = (chosen as readonly NamespaceType[]).includes(type) ? init : "self";
        expect([chosen, type, seen.get(type)]).toEqual([chosen, type, namespaceOf(wanted, type)]);
      }
      await process.kill("SIGKILL");
      await process.wait();
    }
  });

  it("enters any subset of the namespaces of a container without a user namespace", async () => {
    const types = NAMESPACE_TYPES.filter((type) => type !== "user");
    await using container = await running({ namespaces: types, root });
    const init = container.process?.pid ?? -1;
    for (let bits = 0; bits < 1 << types.length; bits++) {
      const namespaces = types.filter((_, index) => bits & (1 << index));
      const args = ["/bin/busybox", "sleep", "100"];
      const process = await container.exec(args, { ...QUIET, namespaces });
      const expected = types.map((type) => namespaceOf(namespaces.includes(type) ? init : "self", type));
      expect([namespaces, types.map((type) => namespaceOf(process.pid, type))]).toEqual([namespaces, expected]);
      await process.kill("SIGKILL");
      await process.wait();
    }
  });

  it("enters a root without any namespace", async () => {
    await using container = await running({ root });
    expect(await inside(container, "ls / | head -n 2; pwd")).toBe("bin\ndev\n/");
  });

  it("is merely a child where there is no wall at all", async () => {
    await using container = await running({});
    expect(await inside(container, "pwd; echo $0")).toBe(`${process.cwd()}\n/bin/sh`);
  });

  it("is one more process of the container's pid namespace, and the monitor's child on the host", async () => {
    await using container = await running(PLAIN);
    const process = await container.exec(["/bin/sleep", "100"], QUIET);
    expect(readFileSync(`/proc/${process.pid}/status`, "utf8")).toMatch(/^NSpid:\t\d+\t2$/m);
    expect(await inside(container, "ps -o pid,args | grep '[s]leep'")).toBe(
      "    1 /bin/sleep 1000\n    2 /bin/sleep 100",
    );
    await process.kill("SIGTERM");
    expect(await process.wait()).toMatchObject({ exitCode: 143, signal: "SIGTERM" });
  });

  it("ends as commands end: status, signal, 126 and 127 by their errors", async () => {
    await using container = await running(PLAIN);
    expect(await exec(container, ["/bin/sh", "-c", "exit 77"])).toMatchObject({ exitCode: 77, signal: null });
    expect(await exec(container, ["/bin/sh", "-c", "kill -9 $$"])).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
    await expect(container.exec(["no-such-command"])).rejects.toMatchObject({
      code: "ERR_CT_COMMAND_NOT_FOUND",
      member: "process.args[0]",
    });
    await expect(container.exec(["/etc/passwd"])).rejects.toMatchObject({ code: "ERR_CT_COMMAND_NOT_EXECUTABLE" });
  });

  it("has the container's defaults for its process, and its own instead", async () => {
    const { process } = PLAIN;
    await using container = await running({
      ...PLAIN,
      process: { ...process, env: { PATH: "/bin", A: "default" }, cwd: "/tmp", user: { uid: 1000, gid: 1000 } },
    });
    const look = "id -u; pwd; echo $A; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; ulimit -n";
    expect(await inside(container, look)).toMatch(
      /^1000\n\/tmp\ndefault\nCapEff:\t0+\nNoNewPrivs:\t1\nSeccomp:\t2\n\d+$/,
    );
    const own = await exec(
      container,
      {
        args: ["/bin/sh", "-c", look],
        env: { PATH: "/bin", A: "own" },
        cwd: "/home",
        user: "root",
        noNewPrivileges: false,
        capabilities: { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"] },
        rlimits: [{ type: "RLIMIT_NOFILE", soft: 77, hard: 77 }],
      },
      { seccomp: "unconfined" },
    );
    // The test itself may run under a filter (scripts/old-kernel.sh).
    const filter = readFileSync("/proc/self/status", "utf8").match(/^Seccomp:.*$/m)?.[0];
    expect(own.stdout).toBe(`0\n/home\nown\nCapEff:\t0000000000000020\nNoNewPrivs:\t0\n${filter}\n77\n`);
  });

  it("finds its user in the container's passwd, with the groups", async () => {
    await using container = await running(PLAIN);
    const seen = await exec(container, { args: ["/bin/id"], user: "app" });
    expect(seen.stdout).toBe("uid=1000(app) gid=1001(app) groups=29(audio),50(staff)\n");
    await expect(container.exec({ args: ["/bin/id"], user: "nobody-here" })).rejects.toMatchObject({
      code: "ERR_CT_INVALID_SPEC",
      member: "process.user",
    });
  });

  it("has pipes, or nothing, as the caller likes", async () => {
    await using container = await running(PLAIN);
    const cat = await container.exec(["/bin/cat"], { stdin: "pipe" });
    cat.stdin?.end("through the container\n");
    expect(await outcome(cat)).toMatchObject({ stdout: "through the container\n", exitCode: 0 });
  });

  it("has a terminal in the container's devpts", async () => {
    await using container = await running(PLAIN);
    const command = {
      args: ["/bin/sh", "-c", "tty; stty size; read line; echo got $line"],
      terminal: true,
      consoleSize: { height: 25, width: 80 },
    };
    const process = await container.exec(command, { stdin: "pipe" });
    await waitForOutput(process, "25 80");
    await process.resize(100, 30);
    process.stdin?.write("hello\n");
    expect((await outcome(process)).stdout).toContain("got hello");
    expect(process.pid).toBeGreaterThan(1);
  });

  it("sees nothing but its streams among its descriptors", async () => {
    await using container = await running(PLAIN);
    expect(await inside(container, "ls /proc/$$/fd; true")).toBe("0\n1\n2");
  });

  it("is restricted by Landlock in the container's tree", async () => {
    await using container = await running(PLAIN);
    const landlock = { readOnly: ["/bin", "/etc"] };
    const seen = await exec(container, {
      args: ["/bin/sh", "-c", "cat /etc/group >/dev/null && cat /proc/1/comm"],
      noNewPrivileges: true,
      landlock,
    });
    expect(seen).toMatchObject({ exitCode: 1, stdout: "" });
  });
});

const namespaceOf = (pid: number | "self", type: NamespaceType) =>
  readlinkSync(`/proc/${pid}/ns/${NAMESPACE_FILES[type]}`);

describe("the cgroup of a process that enters", () => {
  it("is the container's", async () => {
    await using container = await running({ ...PLAIN, resources: { pids: { limit: 10 } } });
    const process = await container.exec(["/bin/sleep", "100"], QUIET);
    const own = pidsCgroup(process.pid);
    expect(own).toContain("/libct-");
    expect(own).toBe(pidsCgroup(container.process?.pid ?? -1));
    await process.kill("SIGKILL");
    await process.wait();
  });

  it("is one below it that exists", async () => {
    await using container = await running({ ...PLAIN, resources: { pids: { limit: 10 } } });
    const path = cgroupPath(container);
    mkdirSync(`${path}/workers`);
    const process = await container.exec(["/bin/sleep", "100"], { ...QUIET, cgroup: "workers" });
    expect(pidsCgroup(process.pid)).toMatch(/\/libct-[^/]*\/workers$/);
    await process.kill("SIGKILL");
    await process.wait();
    rmdirSync(`${path}/workers`);
    await expect(container.exec(["/bin/true"], { cgroup: "none" })).rejects.toMatchObject({ member: "cgroup" });
    await expect(container.exec(["/bin/true"], { cgroup: "../x" })).rejects.toMatchObject({ member: "cgroup" });
  });

  it("limits it from its first moment", async () => {
    await using container = await running({ ...PLAIN, resources: { pids: { limit: 1 } } });
    const refused = await container.exec(["/bin/true"]).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "ERR_CT_SYSCALL", errno: "EAGAIN" });
  });
});

const pidsCgroup = (pid: number) =>
  /:pids:(.*)$|^0::(.*)$/m
    .exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))
    ?.slice(1)
    .join("");
function cgroupPath(container: Container): string {
  const path = pidsCgroup(container.process?.pid ?? -1);
  const v1 = `/sys/fs/cgroup/pids${path}`;
  return existsSync(v1) ? v1 : `/sys/fs/cgroup${path}`;
}
