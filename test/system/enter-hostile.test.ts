import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Container, type ContainerSpec, type Host, type ProcessSpec, standard } from "../../src/index.ts";
import { outcome, waitForOutput } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { compileC } from "../support/playground.ts";
import { busyboxRoot } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();
let host: Host;
beforeAll(async () => {
  host = await openHost();
  compileC(TRAP, `${root}/bin/trap`);
});
afterAll(() => host[Symbol.asyncDispose]());

/**
 * The container's first process lies in wait: for each process that comes up in its pid namespace it tries to open the executable for writing, to take its
 * descriptors and to trace it, until it is the command ("sleep"). Everything that succeeds is printed.
 */
const TRAP = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
static char name[64], path[64];
static const char *comm(int pid) {
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? 0 : read(fd, name, sizeof name - 1);
  if (fd >= 0) close(fd);
  name[got > 0 ? got - 1 : 0] = 0;
  return name;
}
static int early(int pid) { const char *is = comm(pid); return *is && strcmp(is, "sleep") && strcmp(is, "trap"); }
int main(void) {
  long tried = 0, hits = 0;
  setvbuf(stdout, 0, _IONBF, 0);
  printf("ready\\n");
  for (int next = 2, ended = 0; ended < 20;) {
    int seen = 0;
    for (int pid = next; pid < next + 3; pid++) {
      if (!early(pid)) continue;
      seen = 1;
      tried++;
      snprintf(path, sizeof path, "/proc/%d/exe", pid);
      int fd = open(path, O_RDONLY | O_CLOEXEC);
      if (fd >= 0 && early(pid)) hits++, printf("exe of %d\\n", pid);
      if (fd >= 0) close(fd);
      for (int other = 0; other < 12; other++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, other);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && early(pid)) hits++, printf("descriptor %d of %d\\n", other, pid);
        if (fd >= 0) close(fd);
      }
      snprintf(path, sizeof path, "/proc/%d/root/etc", pid);
      fd = open(path, O_RDONLY | O_CLOEXEC);
      if (fd >= 0 && early(pid)) hits++, printf("root of %d\\n", pid);
      if (fd >= 0) close(fd);
      if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
        if (early(pid)) hits++, printf("traced %d\\n", pid);
        ptrace(PTRACE_DETACH, pid, 0, 0);
      }
    }
    snprintf(path, sizeof path, "/proc/%d", next);
    if (!seen && access(path, F_OK) == 0 && !strcmp(comm(next), "sleep")) next++, ended++;
  }
  printf("tried %s, hits %ld\\n", tried ? "some" : "none", hits);
  pause();
}`;

const QUIET = { stdout: "ignore", stderr: "ignore" } as const;
const PLAIN: ContainerSpec = { ...standard({ userNamespace: false }), root };
const trapped = (spec: ContainerSpec): ContainerSpec => ({
  ...spec,
  seccomp: "unconfined",
  process: { ...spec.process, noNewPrivileges: false },
});

describe("a container that lies in wait", () => {
  for (const [name, spec] of [
    ["as the machine's root", trapped(PLAIN)],
    [
      "in a user namespace with all capabilities",
      { ...trapped({ ...standard({ userNamespace: true }), root }), process: {} },
    ],
  ] as const) {
    it(`gets neither the executable, nor descriptors, nor traces who enters: ${name}`, async () => {
      await using container = await host.create(spec);
      const trap = await container.start(["/bin/trap"]);
      await waitForOutput(trap, "ready");
      const result = waitForOutput(trap, "hits");
      for (let i = 0; i < 20; i++) await container.exec(["/bin/sleep", "1000"], QUIET);
      expect(await result).toMatch(/tried some, hits 0\n$/);
    });
  }
});

/** A container whose files the test changes from outside while it runs. */
async function running(spec: ContainerSpec = PLAIN): Promise<Container> {
  const container = await host.create(spec);
  await container.start(["/bin/sleep", "1000"], QUIET);
  return container;
}

describe("a container whose files are traps", () => {
  const passwd = `${root}/etc/passwd`;
  const original = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home:/bin/sh\n";
  const replace = (make: () => void) => {
    rmSync(passwd, { force: true });
    make();
  };
  afterAll(() => replace(() => writeFileSync(passwd, original)));
  const byName = (container: Container) =>
    container.exec({ args: ["/bin/true"], user: "app" }).catch((error: unknown) => error);

  it("has a FIFO as its passwd, which nobody waits for", async () => {
    await using container = await running();
    replace(() => execFileSync("mkfifo", [passwd]));
    expect(await byName(container)).toMatchObject({
      code: "ERR_CT_SYSCALL",
      member: "process.user",
      message: expect.stringContaining("/etc/passwd of the container is no regular file"),
    });
  });

  it("has a device as its passwd", async () => {
    await using container = await running();
    replace(() => execFileSync("mknod", [passwd, "c", "1", "5"]));
    expect(await byName(container)).toMatchObject({ member: "process.user" });
    replace(() => symlinkSync("/dev/zero", passwd));
    expect(await byName(container)).toMatchObject({
      message: expect.stringContaining("/etc/passwd of the container is no regular file"),
    });
  });

  it("has a passwd of 10 GB", async () => {
    await using container = await running();
    replace(() => {
      writeFileSync(passwd, original);
      truncateSync(passwd, 10e9);
    });
    expect(await byName(container)).toMatchObject({
      errno: "EFBIG",
      message: expect.stringContaining("/etc/passwd of the container is longer than 64 KiB"),
    });
  });

  it("has links as its passwd, which lead within it or nowhere", async () => {
    await using container = await running();
    replace(() => symlinkSync("users", passwd));
    writeFileSync(`${root}/etc/users`, original);
    expect(await outcome(await container.exec({ args: ["/bin/id", "-u"], user: "app" }))).toMatchObject({
      stdout: "1000\n",
    });
    for (const [target, path] of [
      ["/proc/self/fd/5", /no user "app"|no regular file/],
      ["/proc/1/root/../../../etc/hostname", /no user "app"/],
    ] as const) {
      replace(() => symlinkSync(target, passwd));
      expect(String(await byName(container))).toMatch(path);
    }
  });

  it("has a working directory that leads to descriptors of who enters", async () => {
    await using container = await running();
    for (let fd = 3; fd < 12; fd++) {
      const link = `${root}/tmp/cwd-${fd}`;
      symlinkSync(`/proc/self/fd/${fd}`, link);
      const failed = await container
        .exec({ args: ["/bin/true"], cwd: `/tmp/cwd-${fd}` })
        .catch((error: unknown) => error);
      expect([fd, failed]).toEqual([fd, expect.objectContaining({ member: "process.cwd" })]);
      rmSync(link);
    }
  });

  it("has a command that is the executor itself", async () => {
    await using container = await running();
    symlinkSync("/proc/self/exe", `${root}/bin/me`);
    // The executor runs, is no libct's child, and says so: it cannot be overwritten, being sealed.
    const seen = await outcome(await container.exec(["/bin/me"]));
    expect(seen.exitCode).not.toBe(0);
    rmSync(`${root}/bin/me`);
  });

  it("has something else as its ptmx", async () => {
    await using container = await running({
      ...PLAIN,
      mounts: [{ destination: "/proc", type: "proc" }],
      devices: [],
      links: [],
    });
    const terminal = () =>
      container.exec({ args: ["/bin/true"], terminal: true } as ProcessSpec).catch((error: unknown) => error);
    for (const make of [
      () => writeFileSync(`${root}/dev/ptmx`, ""),
      () => execFileSync("mkfifo", [`${root}/dev/ptmx`]),
      () => execFileSync("mknod", [`${root}/dev/ptmx`, "c", "1", "3"]),
    ]) {
      make();
      chmodSync(`${root}/dev/ptmx`, 0o666);
      expect(await terminal()).toMatchObject({ member: "process.terminal" });
      rmSync(`${root}/dev/ptmx`);
    }
  });

  it("has put its root elsewhere and closed the door", async () => {
    mkdirSync(`${root}/cell/bin`, { recursive: true });
    copyFileSync("/bin/busybox", `${root}/cell/bin/sleep`);
    await using container = await host.create({ ...PLAIN, seccomp: "unconfined" });
    const init = await container.start(["/bin/sh", "-c", "exec chroot /cell /bin/sleep 1000"]);
    await vi.waitFor(() => expect(readlinkSync(`/proc/${init.pid}/root`)).toMatch(/cell$/));
    // "/" is the mount namespace's, not what the first process says that it is.
    expect((await outcome(await container.exec(["/bin/ls", "-d", "/cell"]))).stdout).toBe("/cell\n");
    rmSync(`${root}/cell`, { recursive: true });
  });
});
