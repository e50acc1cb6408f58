import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { both, dockerAvailable, RUNTIMES, withEngine } from "../support/docker-runtime.ts";
import { requires } from "../support/prerequisite.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const directory = temporaryDirectory();
const hasFuse = requires("/dev/fuse", existsSync("/dev/fuse"), "it is given to a container");
/** capabilities(7): without all of them a container cannot be privileged, with any runtime. */
const bounding = BigInt(`0x${/CapBnd:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0}`);
const known = 1n << BigInt(Number(readFileSync("/proc/sys/kernel/cap_last_cap", "utf8")) + 1);
const hasAll = bounding === known - 1n;
// Not a prerequisite: where it is missing, that it is missing is tested.
if (!hasAll) console.warn("SKIPPED: this machine's root has not all capabilities, and --privileged gives all");

const RIGHTS = "grep -E 'Cap|Seccomp|NoNewPrivs|Groups' /proc/self/status";

describe.runIf(dockerAvailable)("docker with ct-runtime, beside runc: isolation", () => {
  const engine = withEngine();
  const { docker, ask } = engine;

  it("limits memory, processors and processes: so it is seen from inside, also when that is changed", async () => {
    const files =
      "memory/memory.limit_in_bytes memory/memory.soft_limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares pids/pids.max cpuset/cpuset.cpus";
    const v2 = "memory.max memory.low cpu.max cpu.weight pids.max cpuset.cpus";
    const script = `cd /sys/fs/cgroup; for f in ${files} ${v2}; do test -f $f && echo $f $(cat $f); done; nproc`;
    const limits = [
      "-m",
      "64m",
      "--memory-reservation=32m",
      "--cpus=0.5",
      "--cpu-shares=300",
      "--pids-limit=50",
      "--cpuset-cpus=0",
    ];
    expect(await engine.same(limits, script)).toMatch(/67108864.*\n1\n$/s);
    await engine.sameWith(limits, "echo ready; exec sleep 1000", async (id) => {
      await ask(
        "update",
        "-m",
        "80m",
        "--memory-swap",
        "90m",
        "--cpus",
        "1.5",
        "--pids-limit",
        "99",
        "--cpuset-cpus",
        "0-1",
        id,
      );
      return await ask("exec", id, "sh", "-c", script);
    });
  });

  it("is killed for want of memory, and the engine is told; counts what is used", async () => {
    await engine.sameWith(["-m", "20m"], "sleep 0.3; head -c 100m /dev/zero | tail", async (id) => {
      const status = await ask("wait", id);
      const events = [
        "events",
        "--since",
        "60s",
        "--until",
        "0s",
        "--filter",
        `container=${id}`,
        "--format",
        "{{.Action}}",
      ];
      await expect.poll(() => ask(...events)).toMatch(/oom/);
      return [status, await engine.inspect(id, "{{.State.OOMKilled}} {{.State.ExitCode}}")];
    });
    await engine.sameWith(["-m", "50m"], "sleep 1000 & wait", async (id) => {
      await expect.poll(async () => (await ask("top", id)).split("\n").length).toBe(3);
      const stats = await ask("stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}", id);
      return stats.replace(/[\d.]+[KM]iB \//, "USE /");
    });
  });

  it("has a read-only root, writable places, a shared memory of a size, and modes as the image has them", async () => {
    const options = [
      "--read-only",
      "--tmpfs",
      "/work:size=1m,mode=1770",
      "--tmpfs",
      "/root",
      "--tmpfs",
      "/fresh",
      "--shm-size=7m",
    ];
    const shown = await engine.same(
      [...options, "--mount", "type=tmpfs,dst=/more,tmpfs-size=2m,tmpfs-mode=0750"],
      "touch /etc/x; touch /work/x && ls -ld /work /root /fresh /more | cut -c1-11; df -k /work /dev/shm /more | awk '{print $2, $6}'; touch /dev/shm/x && echo shm",
    );
    expect(shown).toContain("7168 /dev/shm");
    expect(shown).toMatch(/shm\n$/);
  });

  it("runs as a user with groups, and with capabilities more or less", async () => {
    const script = `id; ${RIGHTS}; echo $HOME; touch /tmp/x && stat -c %u:%g /tmp/x`;
    await engine.same(["--user", "app", "--group-add", "50", "--group-add", "77"], script);
    await engine.same(["--user", "4242:4343"], script);
    await engine.same(
      ["--cap-drop", "ALL", "--cap-add", "CHOWN"],
      `${RIGHTS}; touch /tmp/y; chown 5 /tmp/y && echo done`,
    );
    await engine.same(["--cap-add", "NET_ADMIN", "--user", "1000"], RIGHTS);
  });

  it("filters system calls by a profile or by none, and gives no new privileges", async () => {
    const profile = `${directory}/seccomp.json`;
    const errno = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 122 };
    writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [errno] }));
    const script = `${RIGHTS}; mkdir /x; unshare -U true`;
    expect((await engine.run("libct", ["--security-opt", `seccomp=${profile}`], "mkdir", "/x")).stderr).toContain(
      "Disk quota exceeded",
    );
    await both((runtime) => engine.run(runtime, ["--security-opt", `seccomp=${profile}`], "sh", "-c", script));
    await both((runtime) => engine.run(runtime, ["--security-opt", "seccomp=unconfined"], "sh", "-c", script));
    await both((runtime) => engine.run(runtime, ["--security-opt", "no-new-privileges"], "sh", "-c", script));
    await both((runtime) => engine.run(runtime, [], "sh", "-c", script));
  });

  it("has limits, kernel parameters, an init, an order of being killed", async () => {
    await engine.same(
      ["--ulimit", "nofile=100:200", "--ulimit", "nproc=500", "--ulimit", "core=0"],
      "cat /proc/self/limits",
    );
    const parameters = { "net.ipv4.ip_forward": "1", "kernel.shmmax": "12345678", "fs.mqueue.msg_max": "55" };
    const files = Object.keys(parameters).map((name) => `/proc/sys/${name.replaceAll(".", "/")}`);
    const flags = Object.entries(parameters).flatMap(([name, value]) => ["--sysctl", `${name}=${value}`]);
    expect(await engine.same(flags, `cat ${files.join(" ")}`)).toBe("1\n12345678\n55\n");
    expect(await engine.same(["--init", "--oom-score-adj=500"], "cat /proc/1/comm /proc/self/oom_score_adj")).toBe(
      "docker-init\n500\n",
    );
  });

  it.runIf(hasFuse)("has devices that were given, with the rights that were given, and no others", async () => {
    const options = ["--device", "/dev/fuse", "--device", "/dev/null:/dev/mine:r", "--device-cgroup-rule", "c 1:5 r"];
    const script =
      "ls -l /dev/fuse /dev/mine | cut -c1-11; (exec 3<>/dev/fuse) && echo fuse; echo x >/dev/mine; cat /dev/mine; mknod /tmp/kmsg c 1 11; cat /tmp/kmsg; mknod /tmp/zero c 1 5; head -c 3 /tmp/zero | wc -c; ls /dev";
    // What ct-runtime adds is a link that others only make where it leads somewhere.
    const shown = await both(async (runtime) => {
      const result = await engine.run(runtime, options, "sh", "-c", script);
      return { ...result, stdout: result.stdout.replace(/^core\n/m, "") };
    });
    expect(shown).toContain("fuse\n3\n");
  });

  it("has names and addresses to look up", async () => {
    const options = [
      "--hostname",
      "here",
      "--domainname",
      "example.org",
      "--add-host",
      "there:192.0.2.7",
      "--dns",
      "192.0.2.53",
      "--dns-search",
      "example.net",
    ];
    const script = "hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf /proc/sys/kernel/domainname";
    expect(await engine.same(options, script)).toContain("192.0.2.7\tthere");
  });

  it("has mounts as with runc: procfs, sysfs, cgroups, what is masked and what is read-only", async () => {
    const lines = async (options: readonly string[], script: string) =>
      await Promise.all(
        RUNTIMES.map(async (runtime) =>
          (await engine.run(runtime, options, "sh", "-c", script)).stdout
            // What is asked for is ro; runc 1.1.5 makes only what lies below so.
            .replace("tmpfs /sys/fs/cgroup tmpfs rw,", "tmpfs /sys/fs/cgroup tmpfs ro,")
            .split("\n")
            .sort(),
        ),
      );
    // Type, place and options; masked ones are masked, whatever with.
    const script =
      "grep -v -E ' (/proc/(acpi|asound|kcore|keys|latency_stats|timer_list|timer_stats|sched_debug|scsi)|/sys/firmware|/sys/devices.*) ' /proc/mounts | grep -v ' / overlay' | sort";
    const [libct, runc] = await lines([], script);
    expect(libct).toEqual(runc);
    const cgroups = "cat /proc/self/cgroup; ls /sys/fs/cgroup /sys/fs/cgroup/*/ | head -40";
    expect(await engine.same(["--cgroupns=private"], cgroups)).toContain(":memory:/\n");
    await engine.same(["--cgroupns=host"], cgroups);
    await engine.same(
      [],
      "cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware; echo 1 > /proc/sys/vm/drop_caches",
    );
  });

  it.runIf(hasAll)("is privileged", async () => {
    await engine.same(
      ["--privileged"],
      `${RIGHTS}; mount -t tmpfs x /mnt && echo mounted; echo 1 > /proc/sys/vm/drop_caches && echo written; test -b /dev/loop0 && echo loop`,
    );
  });

  it.runIf(!hasAll)("cannot be privileged where the engine itself is not", async () => {
    for (const runtime of RUNTIMES) {
      const { status, stderr } = await engine.run(runtime, ["--privileged"], "true");
      expect(status).not.toBe(0);
      expect(stderr).toContain("operation not permitted");
    }
  });

  describe("with volumes", () => {
    const source = `${directory}/source`;
    const shared = `${directory}/shared`;
    beforeAll(() => {
      mkdirSync(`${source}/below`, { recursive: true });
      writeFileSync(`${source}/file`, "content\n");
      mkdirSync(shared);
      execFileSync("mount", ["--bind", shared, shared]);
      execFileSync("mount", ["--make-shared", shared]);
    });
    afterAll(() => execFileSync("umount", [shared]));

    it("writes to a bind mount, or cannot", async () => {
      const script =
        "cat /v/file; touch /v/new && rm /v/new && echo written; grep ' /v ' /proc/self/mountinfo | cut -d' ' -f6";
      expect(await engine.same(["-v", `${source}:/v`], script)).toContain("written\nrw");
      expect(await engine.same(["-v", `${source}:/v:ro`], script)).toMatch(/^content\nro/);
      const file = `type=bind,src=${source}/file,dst=/etc/new/file,readonly`;
      expect(await engine.same(["--mount", file], "cat /etc/new/file; echo x > /etc/new/file")).toBe("content\n");
    });

    it("keeps a volume, which begins with what the image has there", async () => {
      for (const runtime of RUNTIMES) {
        const volume = ["-v", `${runtime}-volume:/etc`];
        const script = "cat /etc/group | head -1; echo kept > /etc/kept";
        expect((await engine.run(runtime, volume, "sh", "-c", script)).stdout).toBe("root:x:0:\n");
        expect((await engine.run(runtime, volume, "cat", "/etc/kept")).stdout).toBe("kept\n");
        await ask("volume", "rm", `${runtime}-volume`);
      }
    });

    it("sees what is mounted on the host later, or the host sees what it mounts, as its propagation says", async () => {
      for (const [propagation, sees, isSeen] of [
        ["rslave", true, false],
        ["rprivate", false, false],
        ["rshared", true, true],
      ] as const) {
        const options = ["-v", `${shared}:/v:${propagation}`, "--cap-add=SYS_ADMIN"];
        await engine.sameWith(options, "echo ready; exec sleep 1000", async (id, runtime) => {
          await engine.logged(id, "ready");
          const places = { host: `${runtime}-host`, container: `${runtime}-container` };
          for (const name of Object.values(places)) mkdirSync(`${shared}/${name}`, { recursive: true });
          execFileSync("mount", ["-t", "tmpfs", "tmpfs", `${shared}/${places.host}`]);
          await ask("exec", id, "mount", "-t", "tmpfs", "tmpfs", `/v/${places.container}`);
          const inContainer = await ask("exec", id, "cat", "/proc/self/mountinfo");
          const onHost = readFileSync("/proc/self/mountinfo", "utf8");
          execFileSync("umount", [`${shared}/${places.host}`]);
          await ask("exec", id, "umount", `/v/${places.container}`);
          expect(inContainer.includes(` /v/${places.host} `)).toBe(sees);
          expect(onHost.includes(` ${shared}/${places.container} `)).toBe(isSeen);
          const [, fields = ""] = / \/v \S+ (.*) - /.exec(inContainer) ?? [];
          return fields.replace(/:\d+/g, "");
        });
      }
    });

    it("copies into and out of a running container, and makes an image of it", async () => {
      await engine.sameWith([], "exec sleep 1000", async (id, runtime) => {
        await ask("cp", `${source}/file`, `${id}:/tmp/file`);
        const { stdout: inside } = await docker("exec", id, "cat", "/tmp/file");
        await ask("cp", `${id}:/etc/group`, `${directory}/${runtime}-group`);
        const diff = await ask("diff", id);
        await ask("commit", id, `image-${runtime}`);
        const { stdout: again } = await docker(
          "run",
          "--rm",
          "--network=none",
          `--runtime=${runtime}`,
          `image-${runtime}`,
          "cat",
          "/tmp/file",
        );
        await ask("rmi", `image-${runtime}`);
        return [inside, readFileSync(`${directory}/${runtime}-group`, "utf8"), diff, again];
      });
    });
  });
});
