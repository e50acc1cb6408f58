import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostFeatures } from "../../src/index.ts";
import { hasUserOverlays, kernel } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { compileC, inProcess, playground, remove, type ScriptOptions } from "../support/playground.ts";

/** Executes a command under a filter that refuses what container engines refuse by default, so without mounts and user namespaces. */
const LIKE_AN_ENGINE = `
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#define DENY(nr, error) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error)
int main(int argc, char **argv) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    DENY(SYS_clone3, ENOSYS), DENY(SYS_mount, EPERM), DENY(SYS_unshare, EPERM), DENY(442 /* mount_setattr */, ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 125;
  execvp(argv[1], argv + 1);
  return 126;
}`;

const userOverlays = hasUserOverlays();
const USER = 12345;
let place: string;
let likeAnEngine: string;

beforeAll(() => {
  place = playground();
  likeAnEngine = compileC(LIKE_AN_ENGINE, `${place}/like-an-engine`);
});
afterAll(() => remove(place));
auditEachTest();

const features = (options: ScriptOptions = {}) => inProcess<HostFeatures>("return host.features();", options);
const find = ({ checks }: HostFeatures, id: string) => checks.find((one) => one.id === id);

/** util-linux' unshare as a second opinion. */
function unshareWorks(uid: number, ...words: string[]): boolean {
  const { status, error } = spawnSync("unshare", [...words, "true"], { uid, gid: uid });
  if (error) throw error;
  return status === 0;
}

describe.each([
  ["root", 0],
  ["an ordinary user", USER],
])("the doctor, asked by %s", (_, uid) => {
  it("knows who asks, and finds that containers can be run", async () => {
    const found = await features({ uid });
    expect(found.caller).toEqual({ uid, gid: uid, privileged: uid === 0 });
    expect(found.ok).toBe(true);
  });

  it.runIf(uid === 0 || userOverlays)("can run one over the machine's own root", async () => {
    expect(await inProcess('return (await host.run(["true"])).exitCode;', { uid })).toBe(0);
  });

  it("agrees with another program on every type of namespace", async () => {
    const found = await features({ uid });
    const below = uid === 0 ? [] : ["--user"];
    const types = {
      mount: "--mount",
      network: "--net",
      ipc: "--ipc",
      uts: "--uts",
      cgroup: "--cgroup",
      time: "--time",
    };
    expect(find(found, "user-namespaces")?.available).toBe(unshareWorks(uid, "--user"));
    for (const [type, flag] of Object.entries(types)) {
      expect(find(found, `namespace-${type}`)?.available, type).toBe(unshareWorks(uid, ...below, flag));
    }
  });

  it("finds the executor sealed", async () => {
    expect(find(await features({ uid }), "executor-sealed")?.available).toBe(true);
  });

  it("gives what is missing a cost and a remedy, and what is there neither", async () => {
    for (const one of (await features({ uid })).checks) {
      expect("cost" in one && "remedy" in one, one.id).toBe(!one.available);
    }
  });
});

describe("the doctor, on what only root has", () => {
  it("finds that root maps any ids and makes cgroups, and that a user without ranges does not", async () => {
    const [root, user] = [await features(), await features({ uid: USER })];
    expect(find(root, "id-ranges")?.available).toBe(true);
    expect(find(user, "id-ranges")).toMatchObject({ available: false, cost: expect.stringContaining("several users") });
    expect(find(user, "cgroup-memory")?.available).toBe(false);
    expect(find(user, "idmapped-mounts")).toMatchObject({ available: false, remedy: "run as root" });
  });

  it("says for idmapped mounts what a container then meets", async () => {
    const available = find(await features(), "idmapped-mounts")?.available;
    const map = [{ containerID: 0, hostID: 0, size: 1 }];
    const mount = {
      destination: "/mnt",
      source: "/usr",
      options: ["bind", "idmap"],
      uidMappings: map,
      gidMappings: map,
    };
    const status = await inProcess(
      `const { mounts = [], ...spec } = libct.standard({ userNamespace: false });
       await using container = await host.create({ ...spec, root: libct.hostRoot(), mounts: [...mounts, ${JSON.stringify(mount)}] });
       return (await (await container.start(["true"])).wait()).exitCode;`,
    );
    expect(status === 0).toBe(available);
  });

  it("says of limits what the kernel says to somebody who raises one", async () => {
    const { status, error } = spawnSync("sh", ["-c", "ulimit -Hc 0 && ulimit -Hc 1"]);
    if (error) throw error;
    expect(find(await features(), "raise-limits")?.available).toBe(status === 0);
  });
});

describe("the doctor, where things are forbidden", () => {
  const NO_NAMESPACES = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$0" "$@"';

  it("names the sysctl that forbids user namespaces; root can do without them", async () => {
    const found = await features({ launcher: ["unshare", "-Urm", "sh", "-c", NO_NAMESPACES] });
    expect(found.caller.privileged).toBe(true);
    expect(found.ok).toBe(true);
    expect(find(found, "user-namespaces")).toMatchObject({
      available: false,
      detail: "fails with ENOSPC (tried)",
      cost: expect.stringContaining("the sandbox"),
      remedy: expect.stringContaining("sysctl user.max_user_namespaces="),
    });
  });

  it("finds that without them and without privileges there are no containers", async () => {
    const powerless = ["setpriv", "--securebits", "+noroot", "--bounding-set", "-all", "--inh-caps", "-all"];
    const found = await features({ launcher: ["unshare", "-Urm", "sh", "-c", NO_NAMESPACES, ...powerless] });
    expect(found.caller.privileged).toBe(false);
    expect(found.ok).toBe(false);
    expect(find(found, "user-namespaces")?.cost).toBe("containers as an ordinary user");
    expect(find(found, "namespace-mount")?.available).toBe(false);
  });

  it.each([
    ["root", 0],
    ["an ordinary user", USER],
  ])("sees the filter of an outer container, as %s", async (_, uid) => {
    const found = await features({ launcher: [likeAnEngine], uid });
    expect(found.ok).toBe(false);
    expect(find(found, "user-namespaces")).toMatchObject({
      available: false,
      detail: "fails with EPERM (tried)",
      remedy: expect.stringContaining("a seccomp filter is in force"),
    });
    if (kernel.mountSetattr) expect(find(found, "mount_setattr")?.detail).toContain("hidden");
    expect(find(found, "clone3")?.detail).toContain("hidden");
    expect(find(found, "overlay")?.available).toBe(false);
    expect(find(found, "seccomp")?.available).toBe(true);
  });

  it("sees a /proc that an outer container has hidden parts of", async () => {
    const masked = 'mount -t tmpfs none /proc/acpi 2> /dev/null || mount -t tmpfs none /proc/fs; exec "$0" "$@"';
    const found = await features({ launcher: ["unshare", "-m", "sh", "-c", masked] });
    expect(find(found, "mount")?.available).toBe(true);
    expect(find(found, "proc")).toMatchObject({
      available: false,
      detail: "fails with EPERM (tried)",
      remedy: expect.stringContaining("must not hide parts of /proc"),
    });
  });

  it("finds no memory cgroup where the hierarchy is read-only", async () => {
    const readonly =
      'for m in $(cut -d" " -f5 /proc/self/mountinfo | grep ^/sys/fs/cgroup); do mount -o remount,bind,ro $m; done; exec "$0" "$@"';
    const found = await features({ launcher: ["unshare", "-m", "sh", "-c", readonly] });
    expect(find(found, "cgroup-memory")).toMatchObject({
      available: false,
      remedy: expect.stringContaining("writable"),
    });
  });
});
