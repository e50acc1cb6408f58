import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { type Config, exitOf, ociRuntime } from "../support/oci.ts";

auditEachTest();
const oci = ociRuntime();
afterEach(() => oci.clean());

const stopped = (id: string) =>
  vi.waitFor(async () => expect((await oci.state(id)).status).toBe("stopped"), { timeout: 5000, interval: 50 });
const parentOf = (pid: number) => Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

describe("the life of a container", () => {
  it("goes from created over running to stopped, and each command has its exit status", async () => {
    const bundle = oci.bundle((config) => {
      config.process.args = ["sh", "-c", "trap 'exit 0' TERM; touch /tmp/started; while true; do sleep 0.1; done"];
    });
    const started = `${bundle}/rootfs/tmp/started`;
    expect(await oci.run(["create", "--bundle", bundle, "life"])).toEqual({ status: 0, stdout: "", stderr: "" });
    const created = await oci.state("life");
    expect(created).toMatchObject({
      ociVersion: "1.3.0",
      id: "life",
      status: "created",
      bundle,
      rootfs: `${bundle}/rootfs`,
    });
    expect(created.pid).toBeGreaterThan(1);
    expect(existsSync(started)).toBe(false);
    expect(await oci.run(["create", "--bundle", bundle, "life"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("container with given ID already exists"),
    });
    expect(await oci.run(["start", "life"])).toEqual({ status: 0, stdout: "", stderr: "" });
    await vi.waitFor(() => expect(existsSync(started)).toBe(true));
    expect(await oci.state("life")).toMatchObject({ status: "running", pid: created.pid });
    expect((await oci.run(["start", "life"])).status).toBe(1);
    expect(await oci.run(["delete", "life"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("not stopped"),
    });
    expect(await oci.run(["kill", "life", "TERM"])).toEqual({ status: 0, stdout: "", stderr: "" });
    await stopped("life");
    expect(await oci.state("life")).toMatchObject({ status: "stopped", pid: 0 });
    expect(await oci.run(["kill", "life", "KILL"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("container not running"),
    });
    expect(await oci.run(["delete", "life"])).toEqual({ status: 0, stdout: "", stderr: "" });
    for (const command of ["state", "start", "kill", "delete", "ps", "pause", "resume", "events"]) {
      expect(await oci.run([command, "life"])).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("container does not exist"),
      });
    }
    expect((await oci.run(["exec", "life", "true"])).status).toBe(255);
    expect((await oci.run(["delete", "--force", "life"])).status).toBe(0);
  });

  it("ends without a start: one that is only created may be killed, and deleted", async () => {
    await oci.expect(["create", "--bundle", oci.bundle(), "one"]);
    await oci.expect(["kill", "one", "9"]);
    await stopped("one");
    await oci.expect(["delete", "one"]);
    await oci.expect(["create", "--bundle", oci.bundle(), "two"]);
    await oci.expect(["delete", "two"]);
    expect(await oci.expect(["list", "-q"])).toBe("");
  });

  it("is left to the nearest subreaper, and no process of the runtime stays", async () => {
    const script = `
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
code = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL)
print(code, flush=True)
sys.stdin.readline()
pid, status = os.wait()
print(pid, os.WEXITSTATUS(status), flush=True)
`;
    const bundle = oci.bundle((config) => {
      config.process.args = ["sh", "-c", "exit 7"];
    });
    const words = [...oci.command, "create", "--bundle", bundle, "orphan"];
    const reaper = spawn("python3", ["-c", script, ...words], { stdio: ["pipe", "pipe", "inherit"] });
    const lines: string[] = [];
    reaper.stdout.setEncoding("utf8").on("data", (text: string) => lines.push(...text.trim().split("\n")));
    await vi.waitFor(() => expect(lines).toEqual(["0"]), { timeout: 5000 });
    const { pid } = await oci.state("orphan");
    expect(parentOf(pid)).toBe(reaper.pid);
    const children = readFileSync(`/proc/${reaper.pid}/task/${reaper.pid}/children`, "utf8").trim();
    expect(children).toBe(String(pid));
    const exit = exitOf(reaper);
    await oci.expect(["start", "orphan"]);
    reaper.stdin.end("go\n");
    await exit;
    expect(lines.at(-1)).toBe(`${pid} 7`);
    await stopped("orphan");
  });
});

describe("run", () => {
  const ran = (args: string[]) =>
    oci.bundle((config) => {
      config.process.args = args;
    });

  it("ends as its command does, and keeps nothing unless it is told to", async () => {
    for (const [script, status] of [
      ["exit 0", 0],
      ["exit 42", 42],
      ["kill -9 $$; sleep 1", 137],
    ] as const) {
      // The first process of a pid namespace cannot kill itself: a child of it does.
      const bundle = ran(["sh", "-c", status === 137 ? "sh -c 'kill -9 $$'; exit $?" : script]);
      expect(await oci.run(["run", "--bundle", bundle, "one"])).toMatchObject({ status });
    }
    expect((await oci.run(["run", "--keep", "--bundle", ran(["false"]), "kept"])).status).toBe(1);
    expect(await oci.state("kept")).toMatchObject({ status: "stopped" });
    expect((await oci.expect(["list", "-q"])).trim()).toBe("kept");
  });

  it("passes signals on", async () => {
    const bundle = ran([
      "sh",
      "-c",
      "trap 'echo got it; exit 5' TERM USR1; echo ready; while true; do sleep 0.1; done",
    ]);
    for (const signal of ["SIGTERM", "SIGUSR1"] as const) {
      const child = oci.spawn(["run", "--bundle", bundle, "signalled"], { stdio: ["ignore", "pipe", "inherit"] });
      const status = exitOf(child);
      let said = "";
      for await (const chunk of child.stdout ?? []) {
        said += chunk;
        if (said === "ready\n") child.kill(signal);
      }
      expect([said, await status]).toEqual(["ready\ngot it\n", 5]);
    }
  });

  it("says of a command that is not there what engines look for", async () => {
    const { status, stderr } = await oci.run(["run", "--bundle", ran(["no-such-program"]), "one"]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("executable file not found in $PATH"),
    });
    const created = await oci.run(["create", "--bundle", ran(["/no/such"]), "two"]);
    expect(created).toMatchObject({ status: 1, stderr: expect.stringContaining("no such file or directory") });
    expect(await oci.expect(["list", "-q"])).toBe("");
  });
});

describe("a config.json that cannot be done", () => {
  const CASES: readonly (readonly [string, (config: Config) => void, RegExp])[] = [
    ["no process", (config) => Reflect.deleteProperty(config, "process"), /config\.json has no process/],
    ["no root", (config) => Reflect.deleteProperty(config, "root"), /root/],
    ["another version", (config) => Object.assign(config, { ociVersion: "2.0.0" }), /ociVersion/],
    [
      "a namespace that is none",
      (config) => Object.assign(config.linux, { namespaces: [{ type: "disk" }] }),
      /linux\.namespaces\[0\]/,
    ],
    [
      "a namespace that is gone",
      (config) => config.linux.namespaces?.push({ type: "cgroup", path: "/no/such" }),
      /\/no\/such/,
    ],
    ["no arguments", (config) => Object.assign(config.process, { args: [] }), /process\.args/],
    [
      "a mount without a source",
      (config) => config.mounts.push({ destination: "/x", type: "bind", source: "/no/such", options: ["bind"] }),
      /\/no\/such/,
    ],
    [
      "a filesystem that nobody knows",
      (config) => config.mounts.push({ destination: "/x", type: "nofs", source: "x" }),
      /ENODEV/,
    ],
    [
      "a working directory that is none",
      (config) => Object.assign(config.process, { cwd: "/bin/busybox" }),
      /process\.cwd/,
    ],
    ["a relative working directory", (config) => Object.assign(config.process, { cwd: "tmp" }), /process\.cwd/],
    ["a parameter of the host", (config) => Object.assign(config.linux, { sysctl: { "kernel.panic": "1" } }), /sysctl/],
    [
      "a seccomp action that is none",
      (config) => Object.assign(config.linux, { seccomp: { defaultAction: "SCMP_ACT_X" } }),
      /seccomp/,
    ],
  ];
  for (const [name, change, words] of CASES) {
    it(`is refused, and leaves nothing: ${name}`, async () => {
      for (const command of ["create", "run"]) {
        const { status, stdout, stderr } = await oci.run([command, "--bundle", oci.bundle(change), "bad"]);
        expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: "", stderr: expect.stringMatching(words) });
        expect(stderr.trim().split("\n")).toHaveLength(1);
      }
      expect(readdirSync(`${oci.directory}/state/containers`)).toEqual([]);
    });
  }

  it("is no JSON, or is not there", async () => {
    const bundle = oci.bundle();
    writeFileSync(`${bundle}/config.json`, "{");
    expect(await oci.run(["create", "--bundle", bundle, "bad"])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/JSON/),
    });
    const missing = await oci.run(["create", "--bundle", "/no/such", "bad"]);
    expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining("/no/such/config.json") });
    for (const id of ["", ".", "..", "a/b", "a b", "ä"]) {
      expect((await oci.run(["create", "--bundle", bundle, id])).status).toBe(1);
    }
  });
});

describe("--log", () => {
  it("gets a line of JSON for each message, the last of which is the error", async () => {
    const log = `${oci.directory}/log.json`;
    const bundle = oci.bundle((config) => {
      config.process.args = ["no-such-program"];
    });
    const globals = ["--log", log, "--log-format", "json"];
    expect((await oci.run([...globals, "create", "--bundle", bundle, "bad"])).status).toBe(1);
    const last = readFileSync(log, "utf8").trim().split("\n").at(-1) ?? "";
    expect(JSON.parse(last)).toEqual({
      level: "error",
      msg: expect.stringContaining("executable file not found"),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    await oci.run(["--log", `${oci.directory}/log.text`, "state", "nobody"]);
    expect(readFileSync(`${oci.directory}/log.text`, "utf8")).toMatch(
      /^time=".*" level=error msg="container does not exist"\n$/,
    );
  });
});
