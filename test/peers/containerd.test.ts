import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtBinaries } from "../support/binaries.ts";
import { Containerd } from "../support/containerd.ts";
import { removeCgroups } from "../support/engine-cgroups.ts";
import { imageArchive } from "../support/oci-archive.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

const isRoot = process.getuid?.() === 0;
const available = requires("containerd", installed("containerd") && installed("ctr") && isRoot, "containerd, as root");

/** containerd's namespace, which is also the cgroup that it puts its containers in. */
const NAMESPACE = `libct-containerd-${process.pid}`;
/** ctr's own terminal may see the line's end translated once more, and complaints of ctr about a terminal that has gone. */
const TERMINAL = expect.stringMatching(/^\/dev\/pts\/0\r/);
const IMAGE = "docker.io/library/busybox:latest";

describe.runIf(available)("containerd with ct-runtime", () => {
  const directory = temporaryDirectory();
  let containerd: Containerd;
  const options = ["--runtime=io.containerd.runc.v2"];

  const run = (more: readonly string[], ...words: readonly string[]) =>
    containerd.ctr("run", "--rm", ...options, ...more, IMAGE, "one", ...words);
  const sh = (more: readonly string[], script: string) => run(more, "sh", "-c", script);
  const task = (...words: readonly string[]) => {
    const { status, stdout, stderr } = containerd.ctr("task", ...words);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return stdout;
  };

  beforeAll(async () => {
    options.push(`--runc-binary=${builtBinaries().runtime}`);
    containerd = await Containerd.open(directory, NAMESPACE);
    expect(containerd.ctr("image", "import", imageArchive(directory, IMAGE)).status).toBe(0);
  });

  afterAll(async () => {
    const containers = containerd.ctr("container", "ls", "--quiet").stdout;
    const left = containerd.left();
    await containerd.close();
    const cgroups = removeCgroups(`/${NAMESPACE}`, /^(one|ground)$/);
    expect({ containers, left, cgroups }).toEqual({ containers: "", left: ["lo"], cgroups: [] });
  });

  it("gives what a command writes, and how it ends", () => {
    const script = "echo yes; echo no >&2; exit 7";
    expect(sh([], script)).toEqual({ status: 7, stdout: "yes\n", stderr: "no\n" });
  });

  it("says that a command is not there", () => {
    const { status, stderr } = run([], "nosuch");
    expect(status).not.toBe(0);
    expect(stderr).toContain('OCI runtime create failed: exec: "nosuch": executable file not found in $PATH');
  });

  it("gives a terminal", () => {
    const words = ["run", "--rm", "--tty", ...options, IMAGE, "one", "sh", "-c", "tty; exit 3"];
    expect(containerd.ctrOnTerminal(...words)).toMatchObject({ status: 3, stdout: TERMINAL });
  });

  it("makes the root read-only, takes rights away, filters system calls", () => {
    const more = ["--read-only", "--cap-drop=CAP_CHOWN", "--seccomp"];
    const { stdout } = sh(
      more,
      "touch /x 2>&1; chown 1 /dev/shm 2>&1; grep -E 'NoNewPrivs|Seccomp:' /proc/self/status",
    );
    expect(stdout.split("\n").slice(0, -1)).toEqual([
      "touch: /x: Read-only file system",
      "chown: /dev/shm: Operation not permitted",
      "NoNewPrivs:\t1",
      "Seccomp:\t2",
    ]);
  });

  it("mounts a directory, maps users, sets the environment", () => {
    writeFileSync(`${directory}/file`, "from the host\n");
    const mount = `--mount=type=bind,src=${directory},dst=/host,options=rbind:ro`;
    const { stdout } = sh([mount, "--env=A=b", "--cwd=/tmp"], "cat /host/file; echo $A; pwd");
    expect(stdout).toBe("from the host\nb\n/tmp\n");
    const maps = ["--uidmap=0:300000:1000", "--gidmap=0:300000:1000"];
    expect(sh(maps, "cat /proc/self/uid_map").stdout.trim().split(/\s+/)).toEqual(["0", "300000", "1000"]);
  });

  it("runs a container in the background: entered, listed, measured, paused, killed", () => {
    const { stderr } = containerd.ctr(
      "run",
      "--detach",
      ...options,
      "--memory-limit=67108864",
      IMAGE,
      "ground",
      "/pause",
    );
    expect(stderr).toBe("");
    const entered = containerd.ctr("task", "exec", "--exec-id=a", "ground", "sh", "-c", "echo in; exit 3");
    expect(entered).toEqual({ status: 3, stdout: "in\n", stderr: "" });
    const words = ["task", "exec", "--tty", "--exec-id=b", "ground", "tty"];
    expect(containerd.ctrOnTerminal(...words)).toMatchObject({ status: 0, stdout: TERMINAL });
    expect(task("ps", "ground").trim().split("\n")).toHaveLength(3);
    const limit = `/sys/fs/cgroup/memory/${NAMESPACE}/ground/memory.limit_in_bytes`;
    if (existsSync(limit)) expect(readFileSync(limit, "utf8")).toBe("67108864\n");
    expect(task("metrics", "ground")).toMatch(/pids.current\s+2/);
    task("pause", "ground");
    expect(task("ls")).toMatch(/ground\s+\d+\s+PAUSED/);
    task("resume", "ground");
    expect(task("ls")).toMatch(/ground\s+\d+\s+RUNNING/);
    task("kill", "--signal=SIGTERM", "ground");
    expect(containerd.ctr("task", "delete", "ground").status).toBe(0);
    expect(containerd.ctr("container", "delete", "ground").status).toBe(0);
  });
});
