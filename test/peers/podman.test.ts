import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { builtBinaries } from "../support/binaries.ts";
import { removeCgroups } from "../support/engine-cgroups.ts";
import { rootArchive } from "../support/oci-archive.ts";
import { Podman } from "../support/podman.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const isRoot = process.getuid?.() === 0;
const available = requires("podman", installed("podman") && isRoot, "podman with conmon and netavark, started as root");

/** All containers' cgroups, so that what is left of them can be seen. */
const CGROUPS = `/libct-podman-${process.pid}`;
const ALONE = ["--rm", "--network=none", `--cgroup-parent=${CGROUPS}`];

/** podman shows what comes once it is attached, and it may be late for a command that is over at once. */
const ATTACHED = ["sh", "-c", "tty; sleep 1"];

describe.runIf(available)("podman with ct-runtime, as root", () => {
  const directory = temporaryDirectory();
  let podman: Podman;
  const sh = (options: readonly string[], script: string) =>
    podman.ok("run", ...ALONE, ...options, "busybox", "sh", "-c", script);

  beforeAll(async () => {
    podman = await Podman.open(directory, { runtime: builtBinaries().runtime });
    podman.ok("import", "--quiet", rootArchive(directory), "busybox");
  });

  afterAll(async () => {
    const containers = podman.ok("ps", "--all", "--quiet");
    podman.ok("rm", "--all", "--force", "--time=0");
    // The storage itself is a mount, as podman makes it.
    const left = podman.left().filter((line) => !line.endsWith("/root/overlay"));
    await podman.close();
    expect({ containers, left, cgroups: removeCgroups(CGROUPS, /^libpod-[0-9a-f]+$/) }).toEqual({
      containers: "",
      left: ["lo"],
      cgroups: [],
    });
  });

  it("gives what a command writes, and how it ends", () => {
    const { status, stdout, stderr } = podman.run(
      ["run", "--interactive", ...ALONE, "busybox", "sh", "-c", "cat; echo no >&2; exit 7"],
      { input: "yes\n" },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: "yes\n", stderr: "no\n" });
  });

  it("tells a command that is not there from one that cannot be executed", () => {
    expect(podman.run(["run", ...ALONE, "busybox", "nosuch"])).toMatchObject({ status: 127 });
    expect(podman.run(["run", ...ALONE, "busybox", "/etc/passwd"])).toMatchObject({ status: 126 });
  });

  it("gives a terminal", () => {
    const { status, stdout } = podman.onTerminal("run", "-it", ...ALONE, "busybox", "sh", "-c", "tty; sleep 1; exit 3");
    expect({ status, stdout }).toEqual({ status: 3, stdout: "/dev/pts/0\r\n" });
  });

  it("keeps limits", () => {
    const files = "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max";
    if (!existsSync("/sys/fs/cgroup/pids/cgroup.procs")) return;
    expect(sh(["--memory=64m", "--pids-limit=50"], `cat ${files}`)).toBe("67108864\n50");
  });

  it("makes the root read-only, and takes rights away", () => {
    const options = ["--read-only", "--user=app", "--cap-drop=all", "--security-opt=no-new-privileges"];
    const seen = sh(options, "id -u; touch /x 2>&1; grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status");
    expect(seen.split(/\s+/)).toEqual(
      "1000 touch: /x: Read-only file system CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 Seccomp: 2".split(
        " ",
      ),
    );
  });

  it("applies podman's seccomp profile, and none to the privileged", () => {
    expect(sh([], "unshare -U true 2>&1; grep Seccomp: /proc/self/status")).toContain("Seccomp:\t2");
    expect(sh(["--privileged"], "grep Seccomp: /proc/self/status")).toContain("Seccomp:\t0");
  });

  it("mounts volumes, directories and tmpfs", () => {
    const host = `${directory}/host`;
    mkdirSync(host);
    writeFileSync(`${host}/file`, "from the host\n");
    const options = [
      `--volume=${host}:/read:ro`,
      `--volume=${host}:/write`,
      "--volume=named:/named",
      "--tmpfs=/small:size=1m",
    ];
    const script =
      "cat /read/file; touch /read/x 2>&1; echo back > /write/back; touch /named/x; grep -c ' /small ' /proc/mounts";
    expect(sh(options, script)).toMatch(/^from the host\ntouch: .*: Read-only file system\n[1-9]/);
    expect(readFileSync(`${host}/back`, "utf8")).toBe("back\n");
    expect(sh(["--volume=named:/named"], "ls /named")).toBe("x");
    podman.ok("volume", "rm", "named");
  });

  it("sets names, groups, kernel parameters, devices and the shared memory's size", () => {
    const options = ["--hostname=box", "--group-add=55", "--sysctl=net.ipv4.ip_forward=1", "--device=/dev/fuse"];
    const script =
      "hostname; id -G; cat /proc/sys/net/ipv4/ip_forward; test -c /dev/fuse && grep -o size=1024k /proc/mounts";
    expect(sh([...options, "--shm-size=1m"], script)).toBe("box\n0 29 55\n1\nsize=1024k");
  });

  it("has an init of podman's where one is asked for", () => {
    expect(sh(["--init"], "cat /proc/1/cmdline | tr '\\0' ' '")).toContain("init -- sh -c");
  });

  it("maps users, chosen or by itself", () => {
    const words = (text: string) => text.trim().split(/\s+/);
    expect(words(sh(["--uidmap=0:300000:1000"], "cat /proc/self/uid_map"))).toEqual(["0", "300000", "1000"]);
    expect(words(sh(["--userns=auto"], "cat /proc/self/uid_map"))).toEqual(["0", "200000", "1024"]);
  });

  it("has a bridge that goes with the last container", () => {
    const { stdout, stderr } = podman.run(["run", "--rm", `--cgroup-parent=${CGROUPS}`, "busybox", "ifconfig", "eth0"]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/inet addr:10\.88\./);
  });

  describe("a container in the background", () => {
    beforeAll(() => {
      const script = "echo out; echo err >&2; trap 'exit 9' TERM; while :; do sleep 1000 & wait $!; done";
      const health = ["--health-cmd=test -e /tmp/healthy", "--health-interval=disable"];
      const options = [...ALONE.slice(1), "--name=ground", ...health];
      podman.ok("run", "--detach", ...options, "busybox", "sh", "-c", script);
    });
    afterAll(() => {
      podman.run(["rm", "--force", "--time=0", "ground"]);
    });

    it("is entered: with streams, a terminal, as another user, in the background", () => {
      const entered = podman.run(["exec", "-i", "ground", "sh", "-c", "cat; exit 3"], { input: "in" });
      expect(entered).toEqual({ status: 3, stdout: "in", stderr: "" });
      const { stdout } = podman.onTerminal("exec", "-it", "ground", "tty");
      expect(stdout).toBe("/dev/pts/0\r\n");
      const as = ["--user=app", "--workdir=/tmp", "--env=A=b"];
      expect(podman.ok("exec", ...as, "ground", "sh", "-c", "id -u; pwd; echo $A")).toBe("1000\n/tmp\nb");
      podman.ok("exec", "--detach", "ground", "sh", "-c", "mkfifo /tmp/fifo; echo done > /tmp/fifo");
      expect(podman.ok("exec", "ground", "sh", "-c", "until [ -p /tmp/fifo ]; do :; done; cat /tmp/fifo")).toBe("done");
      expect(podman.run(["exec", "ground", "nosuch"]).status).toBe(127);
    });

    it("is looked at: its processes, what it uses, its output, its health", () => {
      expect(podman.ok("top", "ground", "pid", "comm")).toMatch(/^PID\s+COMMAND\n1\s+sh\n/);
      expect(podman.ok("stats", "--no-stream", "--format={{.PIDs}}", "ground")).toBe("2");
      expect(podman.run(["logs", "ground"])).toMatchObject({ stdout: "out\n", stderr: "err\n" });
      expect(podman.run(["healthcheck", "run", "ground"]).status).toBe(1);
      podman.ok("exec", "ground", "touch", "/tmp/healthy");
      expect(podman.run(["healthcheck", "run", "ground"]).status).toBe(0);
    });

    it("is paused and goes on", () => {
      const status = () => podman.ok("inspect", "--format={{.State.Status}}", "ground");
      podman.ok("pause", "ground");
      expect(status()).toBe("paused");
      podman.ok("unpause", "ground");
      expect(status()).toBe("running");
    });

    it("gets other limits, files, signals, and ends with its own status", () => {
      podman.ok("update", "--memory=50m", "ground");
      writeFileSync(`${directory}/copied`, "copied\n");
      podman.ok("cp", `${directory}/copied`, "ground:/tmp/copied");
      expect(podman.ok("exec", "ground", "cat", "/tmp/copied")).toBe("copied");
      expect(podman.ok("diff", "ground")).toContain("A /tmp/copied");
      podman.ok("restart", "--time=5", "ground");
      podman.ok("stop", "--time=5", "ground");
      expect(podman.ok("wait", "ground")).toBe("9");
    });
  });

  it("runs a pod whose containers share namespaces, and one from what it tells of that", () => {
    const infra = ["--infra-image=busybox", "--infra-command=/pause", `--cgroup-parent=${CGROUPS}`];
    podman.ok(
      "pod",
      "create",
      "--name=pod",
      "--network=none",
      "--share=ipc,net,uts,pid",
      "--hostname=podhost",
      ...infra,
    );
    podman.ok("run", "--detach", "--pod=pod", "--name=one", "busybox", "/pause");
    podman.ok("run", "--detach", "--pod=pod", "--name=two", "busybox", "/pause");
    const script = "for name in net ipc uts pid; do readlink /proc/self/ns/$name; done";
    const [one, two] = ["one", "two"].map((name) => podman.ok("exec", name, "sh", "-c", script));
    expect(one).toBe(two);
    expect(podman.ok("exec", "one", "sh", "-c", "hostname; ps | grep -c '[/]pause'")).toBe("podhost\n3");
    podman.ok("generate", "kube", "--filename", `${directory}/pod.yaml`, "pod");
    podman.ok("pod", "rm", "--force", "--time=0", "pod");

    podman.ok("play", "kube", "--network=none", `${directory}/pod.yaml`);
    expect(podman.ok("exec", "pod-two", "hostname")).toBe("podhost");
    podman.ok("play", "kube", "--down", `${directory}/pod.yaml`);
  });
});

/** An uid with subordinate ids and no rights. */
const ORDINARY = 12345;

describe.runIf(available)("podman with ct-runtime, as an ordinary user", () => {
  const directory = temporaryDirectory();
  let podman: Podman;

  beforeAll(async () => {
    podman = await Podman.open(directory, { runtime: builtBinaries().runtime, user: ORDINARY });
    const archive = readFileSync(rootArchive(directory));
    expect(podman.run(["import", "--quiet", "-", "busybox"], { input: archive }).status).toBe(0);
  });

  afterAll(async () => {
    const containers = podman.ok("ps", "--all", "--quiet");
    podman.ok("rm", "--all", "--force", "--time=0");
    await podman.close();
    expect(containers).toBe("");
    rmSync(`/tmp/libct-${ORDINARY}`, { recursive: true, force: true });
  });

  it("runs a command as root of its user namespace, and gives how it ends", () => {
    const words = ["run", "--rm", "--network=none", "busybox", "sh", "-c", "id -u; echo 1 > /file; exit 6"];
    expect(podman.run(words)).toEqual({ status: 6, stdout: "0\n", stderr: "" });
  });

  it("keeps the user's id where that is asked for", () => {
    const words = ["run", "--rm", "--network=none", "--userns=keep-id", "busybox", "sh", "-c", "id -u; id -g"];
    expect(podman.ok(...words)).toBe(`${ORDINARY}\n${ORDINARY}`);
  });

  it("gives a terminal", () => {
    const { stdout } = podman.onTerminal("run", "-it", "--rm", "--network=none", "busybox", ...ATTACHED);
    expect(stdout).toBe("/dev/pts/0\r\n");
  });

  it("takes rights away", () => {
    const options = ["--read-only", "--cap-drop=all", "--user=app"];
    const script = "id -u; grep CapEff /proc/self/status; touch /x 2>&1";
    expect(podman.ok("run", "--rm", "--network=none", ...options, "busybox", "sh", "-c", `${script}; true`)).toBe(
      "1000\nCapEff:\t0000000000000000\ntouch: /x: Read-only file system",
    );
  });

  it("makes cgroups where they can be made, and goes without them where not", () => {
    const words = ["run", "--rm", "--network=none", "--cgroups=enabled", "busybox", "echo", "yes"];
    expect(podman.ok(...words)).toBe("yes");
  });

  it("runs a container in the background, which is entered and stopped", () => {
    const script = "echo up; trap 'exit 9' TERM; while :; do sleep 1000 & wait $!; done";
    podman.ok("run", "--detach", "--name=ground", "--network=none", "busybox", "sh", "-c", script);
    expect(podman.ok("exec", "--user=app", "ground", "id", "-u")).toBe("1000");
    expect(podman.ok("logs", "ground")).toBe("up");
    podman.ok("stop", "--time=5", "ground");
    expect(podman.ok("wait", "ground")).toBe("9");
    podman.ok("rm", "ground");
  });
});
