import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { exitOf, ociRuntime } from "../support/oci.ts";

auditEachTest();
const oci = ociRuntime();
let pid = 0;
beforeEach(async () => {
  const bundle = oci.bundle((config) => {
    config.process.env = ["PATH=/bin", "OWN=container", "HOME=/root"];
    config.process.cwd = "/home";
    config.process.user = { uid: 0, gid: 0, additionalGids: [50] };
  });
  pid = await oci.start("target", bundle);
});
afterEach(() => oci.clean());

const exec = (...words: string[]) => oci.run(["exec", ...words]);
const output = (...words: string[]) => oci.expect(["exec", ...words]);
const shell = (script: string) => ["sh", "-c", script];

describe("exec", () => {
  it("has what the container's own process has, unless it is told otherwise", async () => {
    expect(await output("target", "env")).toBe("PATH=/bin\nOWN=container\nHOME=/root\n");
    expect(await output("target", "pwd")).toBe("/home\n");
    expect(await output("target", "id")).toMatch(/^uid=0\(root\) gid=0\(root\) groups=.*50\(staff\)/);
    expect(await output("--env", "MORE=1=2", "-e", "OWN=mine", "target", "env")).toBe(
      "PATH=/bin\nOWN=mine\nMORE=1=2\n",
    );
    expect(await output("--cwd", "/tmp", "target", "pwd")).toBe("/tmp\n");
    expect(await output("--user", "1000:50", "target", ...shell("id -u; id -g"))).toBe("1000\n50\n");
    expect(await output("--user", "1000", "--additional-gids", "29", "target", ...shell("id -u; id -G"))).toMatch(
      /^1000\n.*\b29\b/,
    );
  });

  it("adds capabilities, and no_new_privs", async () => {
    const status = (...flags: string[]) =>
      output(...flags, "target", "grep", "-E", "CapEff|NoNewPrivs", "/proc/self/status");
    const effective = async (...flags: string[]) => BigInt(`0x${/CapEff:\t(\w+)/.exec(await status(...flags))?.[1]}`);
    const own = await effective();
    const NET_ADMIN = 1n << 12n;
    expect(own & NET_ADMIN).toBe(0n);
    expect(await effective("--cap", "CAP_NET_ADMIN")).toBe(own | NET_ADMIN);
    expect(await status("--no-new-privs")).toContain("NoNewPrivs:\t1");
    expect(await exec("--cap", "CAP_NONSENSE", "target", "true")).toMatchObject({
      status: 255,
      stderr: expect.stringContaining("CAP_NONSENSE"),
    });
  });

  it("takes the whole process from a file", async () => {
    const file = `${oci.directory}/process.json`;
    const process = {
      args: shell("echo $ONLY-$OWN; pwd; id -u; grep CapEff /proc/self/status; ulimit -n"),
      env: ["PATH=/bin", "ONLY=this"],
      cwd: "/tmp",
      user: { uid: 1000, gid: 1001 },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 77, hard: 77 }],
    };
    writeFileSync(file, JSON.stringify(process));
    expect(await output("--process", file, "target")).toBe("this-\n/tmp\n1000\nCapEff:\t0000000000000000\n77\n");
    writeFileSync(file, JSON.stringify({ ...process, cwd: undefined }));
    expect(await exec("--process", file, "target")).toMatchObject({
      status: 255,
      stderr: expect.stringContaining("cwd"),
    });
  });

  it("ends as its command does; its own failures have 255", async () => {
    expect((await exec("target", ...shell("exit 3"))).status).toBe(3);
    expect((await exec("target", ...shell("kill -9 $$"))).status).toBe(137);
    for (const [words, text] of [
      [["target", "no-such-program"], "executable file not found in $PATH"],
      [["target", "/no/such"], "/no/such"],
      [["target", "/etc/passwd"], "permission denied"],
      [["target"], "exec args cannot be empty"],
      [["--cwd", "/no/such", "target", "true"], "/no/such"],
      [["nobody", "true"], "container does not exist"],
      [["--tty", "--detach", "target", "true"], "cannot allocate tty"],
    ] as const) {
      expect(await exec(...words)).toMatchObject({ status: 255, stdout: "", stderr: expect.stringContaining(text) });
    }
  });

  it("leaves a detached process to whoever reaps, and writes down its pid", async () => {
    const file = `${oci.directory}/pid`;
    expect(await exec("--detach", "--pid-file", file, "target", "sleep", "1000")).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
    const entered = Number(readFileSync(file, "utf8"));
    expect(readFileSync(file, "utf8")).toBe(String(entered));
    expect(readFileSync(`/proc/${entered}/cmdline`, "utf8")).toBe("sleep\0" + "1000\0");
    expect(readlinkSync(`/proc/${entered}/ns/pid`)).toBe(readlinkSync(`/proc/${pid}/ns/pid`));
    expect(JSON.parse(await oci.expect(["ps", "--format", "json", "target"])).sort()).toEqual([pid, entered].sort());
    await oci.expect(["kill", "--all", "target", "KILL"]);
    await vi.waitFor(async () => expect((await oci.state("target")).status).toBe("stopped"), { timeout: 5000 });
    expect(await exec("target", "true")).toMatchObject({ status: 255, stderr: expect.stringContaining("stopped") });
  });

  it("passes its input and signals on", async () => {
    const child = oci.spawn(["exec", "target", "cat"], { stdio: ["pipe", "pipe", "inherit"] });
    const status = exitOf(child);
    let said = "";
    child.stdout?.on("data", (chunk) => {
      said += chunk;
    });
    child.stdin?.end("hello\n");
    expect([await status, said]).toEqual([0, "hello\n"]);
    const waiting = oci.spawn(
      ["exec", "target", ...shell("trap 'exit 9' TERM; echo ready; while true; do sleep 0.1; done")],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const end = exitOf(waiting);
    waiting.stdout?.on("data", () => waiting.kill("SIGTERM"));
    expect(await end).toBe(9);
  });
});

describe("what tells of a container, and changes it", () => {
  it("pause, resume and exec into a paused one", async () => {
    await oci.expect(["pause", "target"]);
    expect(await oci.state("target")).toMatchObject({ status: "paused", pid });
    expect(await exec("target", "true")).toMatchObject({ status: 255, stderr: expect.stringMatching(/paused/) });
    expect((await oci.run(["delete", "target"])).status).toBe(1);
    await oci.expect(["resume", "target"]);
    expect(await oci.state("target")).toMatchObject({ status: "running" });
    expect(await oci.run(["resume", "target"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("container not paused"),
    });
  });

  it("list, ps and events --stats", async () => {
    const [listed] = JSON.parse(await oci.expect(["list", "--format", "json"]));
    expect(listed).toMatchObject({ id: "target", pid, status: "running", created: expect.stringMatching(/Z$/) });
    expect(await oci.expect(["list"])).toMatch(/^ID +PID +STATUS +BUNDLE +CREATED +OWNER\ntarget +\d+ +running/);
    const [heading, ...lines] = (await oci.expect(["ps", "target"])).trim().split("\n");
    expect(heading).toMatch(/PID/);
    expect(lines).toEqual([expect.stringContaining("sleep 1000")]);
    const stats = JSON.parse(await oci.expect(["events", "--stats", "target"]));
    expect(stats).toMatchObject({
      type: "stats",
      id: "target",
      data: { pids: { current: 1 }, memory: { usage: { usage: expect.any(Number) } } },
    });
    expect(stats.data.cpu.usage.total).toBeGreaterThan(0);
  });

  it("update, by flags and by a file", async () => {
    await oci.expect(["update", "--memory", "64m", "--pids-limit", "20", "target"]);
    const limit = async () => JSON.parse(await oci.expect(["events", "--stats", "target"])).data;
    expect(await limit()).toMatchObject({ memory: { usage: { limit: 64 << 20 } }, pids: { limit: 20 } });
    const file = `${oci.directory}/resources.json`;
    writeFileSync(file, JSON.stringify({ memory: { limit: 32 << 20 }, pids: { limit: 10 } }));
    await oci.expect(["update", "--resources", file, "target"]);
    expect(await limit()).toMatchObject({ memory: { usage: { limit: 32 << 20 } }, pids: { limit: 10 } });
    expect((await oci.run(["update", "--memory", "much", "target"])).status).toBe(1);
  });
});
