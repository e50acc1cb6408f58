import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ContainerSpec,
  type Host,
  LibctError,
  type ProcessSpec,
  type Seccomp,
  standard,
} from "../../src/index.ts";
import { openHost } from "../support/host.ts";
import { hasLandlock, hasUserOverlays } from "../support/kernel.ts";
import { busyboxRoot, compileC, inProcess, playground, remove } from "../support/playground.ts";

/** Makes the calls that it is told and prints the error number of each. */
const ATTEMPTS = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>
static long attempt(const char *name) {
  if (!strcmp(name, "mount")) return mount("none", "/tmp", "tmpfs", 0, 0);
  if (!strcmp(name, "umount")) return umount2("/proc/kcore", MNT_DETACH);
  if (!strcmp(name, "remount")) return mount(0, "/proc/sys", 0, MS_REMOUNT | MS_BIND, 0);
  if (!strcmp(name, "pivot_root")) return syscall(SYS_pivot_root, ".", ".");
  if (!strcmp(name, "unshare-user")) return unshare(CLONE_NEWUSER);
  if (!strcmp(name, "unshare-mount")) return unshare(CLONE_NEWNS);
  if (!strcmp(name, "setns")) return setns(open("/proc/self/ns/mnt", O_RDONLY), 0);
  if (!strcmp(name, "bpf")) return syscall(SYS_bpf, 0, 0, 0);
  if (!strcmp(name, "keyctl")) return syscall(SYS_keyctl, 0, -3, 1);
  if (!strcmp(name, "add_key")) return syscall(SYS_add_key, "user", "x", "y", 1, -3);
  if (!strcmp(name, "perf_event_open")) return syscall(SYS_perf_event_open, 0, 0, 0, 0, 0);
  if (!strcmp(name, "userfaultfd")) return syscall(SYS_userfaultfd, 0);
  if (!strcmp(name, "io_uring_setup")) return syscall(SYS_io_uring_setup, 1, 0);
  if (!strcmp(name, "kexec_load")) return syscall(SYS_kexec_load, 0, 0, 0, 0);
  if (!strcmp(name, "init_module")) return syscall(SYS_init_module, 0, 0, "");
  if (!strcmp(name, "open_by_handle_at")) return syscall(SYS_open_by_handle_at, 0, 0, 0);
  if (!strcmp(name, "clock_settime")) return syscall(SYS_clock_settime, 0, 0);
  if (!strcmp(name, "reboot")) return syscall(SYS_reboot, 0, 0, 0, 0);
  if (!strcmp(name, "swapon")) return syscall(SYS_swapon, "/x", 0);
  if (!strcmp(name, "mknod-zero")) return mknod("/dev/made", S_IFCHR | 0600, makedev(1, 5)) < 0 ? -1 : open("/dev/made", O_RDONLY);
  if (!strcmp(name, "open-image-node")) return open("/tmp/node", O_RDONLY);
  if (!strcmp(name, "uname")) { struct utsname u; return uname(&u); }
  if (!strcmp(name, "getpgid")) return getpgid(0);
  if (!strcmp(name, "getpriority")) return syscall(SYS_getpriority, 0, 0);
  if (!strcmp(name, "getpriority-user")) return syscall(SYS_getpriority, 2, 0);
  if (!strcmp(name, "setuid-0")) return setuid(0);
  return -2;
}
int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    errno = 0;
    long result = attempt(argv[i]);
    printf("%s %s\\n", argv[i], result < 0 ? (errno ? strerrorname_np(errno) : "?") : "ok");
    fflush(stdout);
  }
  return 0;
}`;

let host: Host;
let place: string;
let root: string;

beforeAll(async () => {
  host = await openHost();
  place = playground();
  root = busyboxRoot(`${place}/root`);
  compileC(ATTEMPTS, `${root}/bin/attempt`);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  remove(place);
});

interface Output {
  readonly exitCode: number;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

async function runIn(
  spec: ContainerSpec,
  process: readonly string[] | (Partial<ProcessSpec> & { args: readonly string[] }),
): Promise<Output> {
  await using container = await host.create(spec);
  const started = await container.start(process);
  const text = async (stream: AsyncIterable<unknown> | null) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream ?? []) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks).toString();
  };
  const [out, err, { exitCode, signal }] = await Promise.all([
    text(started.stdout),
    text(started.stderr),
    started.wait(),
  ]);
  return { exitCode, signal, out, err };
}

const contained = (changes: Partial<ContainerSpec> = {}, userNamespace = false): ContainerSpec => ({
  ...standard({ userNamespace }),
  root,
  ...changes,
});
const sh = (script: string) => ["/bin/sh", "-c", script];
const attempts = async (names: readonly string[], spec: ContainerSpec = contained()) => {
  const { out } = await runIn(spec, ["/bin/attempt", ...names]);
  return Object.fromEntries(
    out
      .trim()
      .split("\n")
      .map((line) => line.split(" ")),
  );
};
const failure = (action: Promise<unknown>) =>
  action.then(
    () => undefined,
    (error: unknown) => (error instanceof LibctError ? error : undefined),
  );

for (const userNamespace of [false, true]) {
  describe(`a standard container ${userNamespace ? "with" : "without"} a user namespace`, () => {
    const spec = () => contained({}, userNamespace);

    it("has the default capabilities, no_new_privs and a seccomp filter", async () => {
      const { out } = await runIn(spec(), ["/bin/cat", "/proc/self/status"]);
      const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(out)?.[1];
      const sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(field);
      const usual = "00000000a00425fb";
      expect(sets).toEqual(["0000000000000000", usual, usual, usual, "0000000000000000"]);
      expect([field("NoNewPrivs"), field("Seccomp")]).toEqual(["1", "2"]);
    });

    it("is refused what reaches beyond it", async () => {
      const refused =
        "mount umount remount pivot_root unshare-user unshare-mount setns bpf keyctl add_key perf_event_open userfaultfd io_uring_setup kexec_load init_module open_by_handle_at clock_settime reboot swapon".split(
          " ",
        );
      const results = await attempts([...refused, "uname"], spec());
      expect(results.uname).toBe("ok");
      expect(refused.filter((name) => !["EPERM", "ENOSYS"].includes(results[name] ?? ""))).toEqual([]);
    });

    it("makes no device nodes, and those of an image do not open", async () => {
      // /dev/zero stands for the disks, whose nodes it could make or bring in the same way.
      const node = `${root}/tmp/node`;
      execFileSync("mknod", ["-m", "666", node, "c", "1", "5"]);
      const results = await attempts(["mknod-zero", "open-image-node"], spec());
      rmSync(node);
      expect(results).toEqual({ "mknod-zero": "EPERM", "open-image-node": "EACCES" });
    });

    it("sees and signals no process of the host", async () => {
      const { out } = await runIn(spec(), sh(`ls -d /proc/[0-9]*; kill -0 ${process.pid} && echo reached`));
      expect(out.trim().split("\n").length).toBeLessThanOrEqual(3);
      expect(out).not.toContain("reached");
    });

    it("has no descriptors but its streams", async () => {
      // One more is the directory that ls itself reads.
      const { out } = await runIn(spec(), ["/bin/ls", "/proc/self/fd"]);
      expect(out.trim().split("\n")).toEqual(["0", "1", "2", "3"]);
    });

    it("cannot undo masked and read-only paths", async () => {
      const script =
        "cat /proc/keys /proc/timer_list | head -c 10; umount /proc/keys; mount -o remount,rw /proc/sys; echo 1 > /proc/sys/kernel/panic; ls /sys/firmware";
      const { out, err } = await runIn(spec(), sh(script));
      expect(out).toBe("");
      expect(err).toContain("umount");
      expect(err).toContain("Read-only file system");
    });

    it("does not see the application's environment", async () => {
      process.env.LIBCT_TEST_SECRET = "hunter2";
      const { out } = await runIn(spec(), sh("env; cat /proc/1/environ"));
      expect(out).toContain("PATH=");
      expect(out).not.toContain("hunter2");
    });
  });
}

describe("a seccomp profile of one's own", () => {
  const profile = (syscalls: Seccomp["syscalls"]): Seccomp => ({
    defaultAction: "SCMP_ACT_ALLOW",
    ...(syscalls ? { syscalls } : {}),
  });

  it("gives the error number that it names", async () => {
    const seccomp = profile([{ names: ["uname"], action: "SCMP_ACT_ERRNO", errnoRet: 42 }]);
    expect(await attempts(["uname"], contained({ seccomp }))).toEqual({ uname: "ENOMSG" });
  });

  it("kills", async () => {
    const seccomp = profile([{ names: ["uname"], action: "SCMP_ACT_KILL_PROCESS" }]);
    const { signal } = await runIn(contained({ seccomp }), ["/bin/attempt", "uname"]);
    expect(signal).toBe("SIGSYS");
  });

  it("logs and goes on", async () => {
    const seccomp = profile([{ names: ["getpgid"], action: "SCMP_ACT_LOG" }]);
    expect(await attempts(["getpgid"], contained({ seccomp }))).toEqual({ getpgid: "ok" });
  });

  it("looks at arguments", async () => {
    const args = [{ index: 0, value: 2, op: "SCMP_CMP_EQ" as const }];
    const seccomp = profile([{ names: ["getpriority"], action: "SCMP_ACT_ERRNO", errnoRet: 13, args }]);
    expect(await attempts(["getpriority", "getpriority-user"], contained({ seccomp }))).toEqual({
      getpriority: "ok",
      "getpriority-user": "EACCES",
    });
  });
});

describe("a user namespace", () => {
  it("maps ranges of ids", async () => {
    const map = [{ containerID: 0, hostID: 200000, size: 1000 }];
    // The root belongs to nobody there, so it is only read.
    const spec = contained({ uidMappings: map, gidMappings: map }, true);
    const { out } = await runIn(spec, sh("cat /proc/self/uid_map; id -u"));
    expect(out.trim().split(/\s+/)).toEqual(["0", "200000", "1000", "0"]);
  });

  it("maps each id to itself", async () => {
    const spec = contained({ uidMappings: "identity", gidMappings: "identity" }, true);
    const { out } = await runIn(spec, sh("cat /proc/self/uid_map"));
    expect(out.trim().split(/\s+/)).toEqual(["0", "0", "4294967295"]);
  });
});

describe("other restrictions", () => {
  it.runIf(hasLandlock())("let Landlock refuse what is not listed", async () => {
    writeFileSync(`${root}/root/secret`, "secret");
    const { out, err } = await runIn(contained(), {
      args: sh(
        "cat /etc/group > /dev/null && echo group; echo x > /tmp/file && echo written; cat /root/secret; ls /root",
      ),
      landlock: { readOnly: ["/bin", "/etc"], readWrite: ["/tmp", "/dev/null"] },
    });
    rmSync(`${root}/tmp/file`, { force: true });
    expect(out).toBe("group\nwritten\n");
    expect(err.match(/Permission denied/g)).toHaveLength(2);
  });

  it("make set-user-ID programs useless", async () => {
    const setuid = `${root}/bin/setuid`;
    writeFileSync(setuid, readFileSync(`${root}/bin/attempt`), { mode: 0o755 });
    chmodSync(setuid, 0o4755);
    const user = { uid: 1000, gid: 1000 };
    const privileged = await runIn(contained(), {
      args: ["/bin/setuid", "setuid-0"],
      user,
      noNewPrivileges: false,
      capabilities: {},
    });
    const { out } = await runIn(contained(), { args: ["/bin/setuid", "setuid-0"], user });
    expect([out, privileged.out.startsWith("setuid-0 ")]).toEqual(["setuid-0 EPERM\n", true]);
  });

  it("are refused when the machine does not have them", async () => {
    for (const [member, value, missing] of [
      ["apparmorProfile", "docker-default", "/sys/kernel/security/apparmor"],
      ["selinuxLabel", "system_u:system_r:container_t:s0", "/sys/fs/selinux/enforce"],
    ] as const) {
      if (existsSync(missing)) continue;
      const error = await failure(runIn(contained(), { args: ["/bin/true"], [member]: value }));
      expect([error?.code, error?.member]).toEqual(["ERR_CT_NOT_SUPPORTED", `process.${member}`]);
    }
  });
});

describe("the executor", () => {
  it("cannot be written to from inside, not even from a mere child process", async () => {
    const file = new URL("../../prebuilt/ct-executor-x86_64", import.meta.url);
    const executor = process.env.LIBCT_TEST_EXECUTOR ?? file;
    const before = statSync(executor);
    // The parent of a mere child process is its monitor, and the file that this executes can be reached.
    const script = "for f in /proc/$PPID/exe /proc/self/exe; do echo x >> $f; echo x > $f; done; echo done";
    const { out, err } = await runIn({}, sh(script));
    expect(out).toBe("done\n");
    expect(
      err.match(/Text file busy|Permission denied|Operation not permitted|cannot create/g)?.length,
    ).toBeGreaterThanOrEqual(4);
    const after = statSync(executor);
    expect([after.size, after.mtimeMs]).toEqual([before.size, before.mtimeMs]);
  });

  it("is not visible in a container with processes of its own", async () => {
    const { out } = await runIn(contained(), sh("echo $PPID; cat /proc/0/exe 2>/dev/null | head -c 4"));
    expect(out).toBe("0\n");
  });
});

describe("a hostile root", () => {
  let victim: string;
  const hostile = (prepare: (path: string) => void): string => {
    const path = busyboxRoot(playground(place));
    prepare(path);
    return path;
  };
  beforeAll(() => {
    victim = `${place}/victim`;
    mkdirSync(victim);
    writeFileSync(`${victim}/file`, "untouched");
  });
  const untouched = () => {
    expect(readdirSync(victim)).toEqual(["file"]);
    expect(readFileSync(`${victim}/file`, "utf8")).toBe("untouched");
  };

  const LINKS = [
    "/..",
    "/../..",
    "/proc/self/cwd/..",
    "/proc/self/root/..",
    ...Array.from({ length: 16 }, (_, fd) => [`/proc/self/fd/${fd}`, `/proc/self/fd/${fd}/..`]).flat(),
  ];

  it.each([false, true])("leads no mount target to the host (user namespace: %s)", async (userNamespace) => {
    for (const [index, link] of LINKS.entries()) {
      const path = hostile((at) => symlinkSync(`${link}${victim}`, `${at}/data`));
      const base = standard({ userNamespace });
      const destinations = [`/data/directory${index}`, "/data/a/b"];
      for (const destination of destinations) {
        const mounts = [...(base.mounts ?? []), { destination, type: "tmpfs", source: "tmpfs" }];
        await failure(runIn({ ...base, root: path, mounts }, ["/bin/true"]));
      }
      const file = { destination: `/data/file${index}`, type: "bind", source: "/etc/hostname", options: ["bind"] };
      await failure(runIn({ ...base, root: path, mounts: [...(base.mounts ?? []), file] }, ["/bin/true"]));
      remove(path);
    }
    untouched();
  });

  it("leads no device, link or copied directory to the host", async () => {
    for (const link of LINKS) {
      const path = hostile((at) => {
        symlinkSync(`${link}${victim}`, `${at}/data`);
      });
      const base = contained({ root: path });
      const device = { path: "/data/null", type: "c", major: 1, minor: 3 } as const;
      await failure(runIn({ ...base, devices: [...(base.devices ?? []), device] }, ["/bin/true"]));
      await failure(runIn({ ...base, links: [{ path: "/data/link", target: "x" }] }, ["/bin/true"]));
      const copied = { destination: "/data", type: "tmpfs", options: ["tmpcopyup"] };
      await failure(runIn({ ...base, mounts: [...(base.mounts ?? []), copied] }, ["/bin/true"]));
      remove(path);
    }
    untouched();
  });

  it("gets its masks from the host's /dev/null, whatever its own is", async () => {
    const path = hostile((at) => {
      rmSync(`${at}/dev`, { recursive: true });
      mkdirSync(`${at}/dev`);
      symlinkSync("/proc/sysrq-trigger", `${at}/dev/null`);
    });
    const { mounts, ...rest } = contained({ root: path, devices: [], links: [] });
    const withoutDev = (mounts ?? []).filter(({ destination }) => !destination.startsWith("/dev"));
    const { out } = await runIn({ ...rest, mounts: withoutDev }, sh("ls -l /proc/keys; cat /proc/keys"));
    expect(out).toMatch(/1,\s+3/);
    expect(out.trim().split("\n")).toHaveLength(1);
  });

  it("cannot move /proc, /dev or /sys out of the container by links", async () => {
    const path = hostile((at) => {
      for (const name of ["proc", "dev", "sys"]) {
        rmSync(`${at}/${name}`, { recursive: true });
        symlinkSync(`/..${victim}`, `${at}/${name}`);
      }
    });
    const error = await failure(runIn(contained({ root: path }), ["/bin/true"]));
    expect(error?.code).toBe("ERR_CT_SYSCALL");
    untouched();
  });

  it("cannot have users looked up in a FIFO, a device or an endless file", async () => {
    const passwd = [
      (at: string) => execFileSync("mkfifo", [at]),
      (at: string) => symlinkSync("/dev/zero", at),
      (at: string) => symlinkSync("/proc/self/fd/1", at),
      (at: string) => mkdirSync(at),
    ];
    for (const make of passwd) {
      const path = hostile((at) => {
        rmSync(`${at}/etc/passwd`);
        make(`${at}/etc/passwd`);
      });
      const error = await failure(runIn(contained({ root: path }), { args: ["/bin/true"], user: "app" }));
      expect(error?.member).toBe("process.user");
    }
  });

  it("cannot get a working directory outside", async () => {
    for (const link of [
      "/proc/self/fd/3",
      "/proc/self/fd/4",
      "/proc/self/fd/5",
      "/proc/self/fd/6",
      "/proc/self/fd/7",
      "/proc/self/fd/8",
      "/proc/self/fd/9",
    ]) {
      const path = hostile((at) => symlinkSync(link, `${at}/cwd`));
      for (const cwd of ["/cwd", link, `${link}/..`]) {
        const result = await runIn(contained({ root: path }), {
          args: ["/bin/sh", "-c", "pwd; ls -d etc/passwd ../etc/passwd"],
          cwd,
        }).catch((error: LibctError) => error);
        expect(result).toBeInstanceOf(LibctError);
      }
      remove(path);
    }
  });
});

describe("an ordinary user's container", () => {
  it.runIf(hasUserOverlays())("keeps the user's ids and gets no rights on the host", async () => {
    const result = await inProcess<{ exitCode: number; stdout: string }>(
      `return host.run(["sh", "-c", "id -u; echo x > ${place}/written || echo refused; cat /etc/shadow 2>/dev/null || echo hidden"]);`,
      { uid: 12345 },
    );
    expect(result.stdout.split("\n")).toEqual(["0", "refused", "hidden", ""]);
    expect(existsSync(`${place}/written`)).toBe(false);
  });
});
