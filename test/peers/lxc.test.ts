import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../src/index.ts";
import { outcome } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const isRoot = process.getuid?.() === 0;
const COMMON = "/usr/share/lxc/config/common.conf";
const available = requires("lxc", installed("lxc-execute") && isRoot, "what LXC makes of a configuration is compared");

let host: Host;
let path: string;
beforeAll(async () => {
  host = await openHost();
  path = temporaryDirectory();
  if (available) create();
});
afterAll(() => host[Symbol.asyncDispose]());
auditEachTest();

/** A container as LXC's own template for busybox makes it. */
function create(): void {
  const defaults = join(path, "defaults");
  writeFileSync(defaults, "lxc.net.0.type = empty\n");
  execFileSync("lxc-create", ["-P", path, "-n", "base", "-t", "busybox", "-f", defaults], { stdio: "pipe" });
  mkdirSync(join(path, "base/rootfs/var/cache"), { recursive: true });
}

/** Its configuration with more settings. */
function configure(name: string, settings: readonly string[]): string {
  const config = join(path, `${name}.conf`);
  const text = readFileSync(join(path, "base/config"), "utf8");
  writeFileSync(config, `${text}\n${settings.join("\n")}\n`);
  if (!settings.some((line) => line.startsWith("lxc.idmap"))) return config;
  // As lxc-create does it for an ordinary user: the files are those of the container's root, and he may enter their directory.
  const files = join(path, "mapped");
  cpSync(join(path, "base/rootfs"), files, { recursive: true, verbatimSymlinks: true });
  execFileSync("chown", ["-R", "100000:100000", files]);
  writeFileSync(
    config,
    `${text.replace(/^lxc\.rootfs\.path.*$/m, `lxc.rootfs.path = dir:${files}`)}\n${settings.join("\n")}\n`,
  );
  return config;
}

/** Where LXC finds newuidmap it uses it, also as root, who then needs subordinate ids. */
const WITHOUT_NEWUIDMAP = "/usr/sbin:/sbin";

/** What a script sees in the container as LXC runs it. */
function inLxc(name: string, config: string, script: string): readonly string[] {
  const log = join(path, `${name}.log`);
  const words = ["-P", path, "-n", name, "-f", config, "-o", log, "-l", "INFO", "--", "/bin/sh", "-c", script];
  const { stdout, status } = spawnSync("/usr/bin/lxc-execute", words, {
    encoding: "utf8",
    timeout: 30_000,
    env: { PATH: WITHOUT_NEWUIDMAP },
  });
  if (status !== 0)
    throw new Error(`lxc-execute: status ${status}: ${stdout}\n${readFileSync(log, "utf8").slice(-2000)}`);
  return stdout.trimEnd().split("\n");
}

/** And as libct runs it. */
async function inLibct(config: string, script: string): Promise<readonly string[]> {
  const { spec, process: command } = await host.import({ lxc: config });
  await using container = await host.create(spec);
  const { stdout, stderr, exitCode } = await outcome(
    await container.start({ ...command, args: ["/bin/sh", "-c", script] }),
  );
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout.trimEnd().split("\n");
}

const CASES: readonly (readonly [about: string, settings: readonly string[], script: string])[] = [
  ["who it is", ["lxc.uts.name = other"], "hostname; id -u; id -g; pwd"],
  [
    "its rights",
    ["lxc.cap.drop =", "lxc.cap.drop = sys_module sys_time mknod net_raw"],
    "grep -E '^(Cap...|NoNewPrivs|Seccomp):' /proc/self/status",
  ],
  [
    "the rights that it keeps",
    ["lxc.cap.drop =", "lxc.cap.keep = chown kill sys_admin"],
    "grep ^Cap /proc/self/status",
  ],
  [
    "its system calls",
    ["lxc.seccomp.profile = PROFILE", "lxc.no_new_privs = 1"],
    "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; mkdir /tmp/x 2>&1; umount -f /proc 2>&1; true",
  ],
  ["its limits", ["lxc.prlimit.nofile = 100:200", "lxc.prlimit.core = 0"], "ulimit -Sn; ulimit -Hn; ulimit -c"],
  ["its devices", [], "ls /dev | grep -v -E '^(console|ptmx)$'; stat -c '%t:%T %a' /dev/null /dev/tty /dev/urandom"],
  [
    "its mounts",
    [
      "lxc.mount.entry = cache var/cache tmpfs size=64k,mode=700,create=dir 0 0",
      "lxc.mount.entry = /etc mnt none bind,ro 0 0",
    ],
    "grep -E ' (/dev/shm|/dev/mqueue|/var/cache|/proc) ' /proc/mounts; ls /mnt | head -3; touch /mnt/x 2>&1; true",
  ],
  [
    "what it may not write",
    [],
    "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/x; do echo 1 2>&1 >$f; done 2>&1; true",
  ],
  [
    "its kernel parameters",
    ["lxc.mount.auto =", "lxc.mount.auto = proc:rw", "lxc.sysctl.kernel.msgmax = 4096"],
    "cat /proc/sys/kernel/msgmax",
  ],
  ["its network", [], "ls /sys/class/net"],
  [
    "its ids",
    [
      "lxc.idmap = u 0 100000 65536",
      "lxc.idmap = g 0 100000 65536",
      "lxc.mount.auto =",
      "lxc.mount.auto = proc:rw sys:rw",
    ],
    "cat /proc/self/uid_map /proc/self/gid_map; grep ^CapBnd /proc/self/status; stat -c %u /bin",
  ],
];

describe.runIf(available)("a container of LXC sees the same from libct as from LXC", () => {
  it.each(CASES)("%s", { timeout: 60_000 }, async (about, settings, script) => {
    const name = about.replaceAll(" ", "-");
    const profile = join(path, "profile");
    writeFileSync(profile, "2\ndenylist\nreject_force_umount\n[all]\nmkdir errno 38\nmkdirat errno 38\n");
    const config = configure(
      name,
      settings.map((line) => line.replace("PROFILE", profile)),
    );
    const theirs = inLxc(name, config, script);
    expect(theirs.length).toBeGreaterThan(0);
    expect(await inLibct(config, script)).toEqual(theirs);
  });

  it("its devices, by the rules that every container of LXC has", { timeout: 60_000 }, async () => {
    const config = configure("rules", [`lxc.include = ${COMMON}`]);
    const script =
      "mknod /tmp/full c 1 7; mknod /tmp/kmsg c 1 11; echo >/tmp/kmsg 2>&1; echo >/tmp/full 2>&1; rm /tmp/full /tmp/kmsg";
    expect(await inLibct(config, `(${script}) 2>&1; true`)).toEqual(inLxc("rules", config, `(${script}) 2>&1; true`));
  });
});
