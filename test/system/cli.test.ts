import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const CT = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const ct = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CT, ...words], {
    encoding: "utf8",
    maxBuffer: 1 << 29,
  });
  return { status, stdout, stderr };
};
const directory = mkdtempSync("/tmp/ct-cli-");
chmodSync(directory, 0o777);
afterAll(() => rmSync(directory, { recursive: true }));

describe("ct run", () => {
  it("runs a command over the host's root, and nothing of what it does stays", () => {
    const { status, stdout } = ct(
      "run",
      "--hostname",
      "boat",
      "--",
      "sh",
      "-c",
      "echo $$; hostname; touch /etc/ct-was-here",
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: "1\nboat\n" });
    expect(existsSync("/etc/ct-was-here")).toBe(false);
  });

  it.each([
    [["sh", "-c", "exit 42"], 42],
    [["sh", "-c", "kill -TERM $$ & wait; sh -c 'kill -9 $$'"], 137],
    [["no-such-command"], 127],
    [["/etc/passwd"], 126],
  ])("exits as the command did: %j", (command, status) => {
    expect(ct("run", "--", ...(command as string[])).status).toBe(status);
  });

  it.each([
    [["run"], "ct: no command: say what to run after --"],
    [["run", "--frob", "--", "true"], "ct: unknown option '--frob'"],
    [["run", "./nowhere", "--", "true"], "nowhere does not exist (root)"],
    [["run", "-v", "/nowhere:/x", "--", "true"], "ct: the bind source /nowhere does not exist"],
    [["run", "--memory", "lots", "--", "true"], "expected"],
    [["run", "--workspace", "/tmp", "--", "true"], "ct: --workspace is for the sandbox: add --sandbox"],
    [["run", "-t", "--", "true"], "ct: -t needs a terminal"],
    [["run", "--security-opt", "seccomp=/nowhere", "--", "true"], "ct: --security-opt /nowhere: ENOENT"],
  ])("says in one line what is wrong, and exits with 125: %j", (words, text) => {
    const { status, stdout, stderr } = ct(...(words as string[]));
    expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
    expect(stderr).toContain(text);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("takes the environment, the user, the working directory and mounts", () => {
    writeFileSync(`${directory}/env`, "# comment\nFROM_FILE=1\n");
    const words = [
      "-e",
      "A=b",
      "--env-file",
      `${directory}/env`,
      "-u",
      "7:8",
      "-w",
      "/data",
      "-v",
      `${directory}:/data:ro`,
      "--tmpfs",
      "/scratch",
    ];
    const script = "echo $A$FROM_FILE; id -u; id -g; pwd; ls; touch x 2>&1; grep -c ' /scratch tmpfs ' /proc/mounts";
    const userns = process.getuid?.() === 0 ? [] : ["-u", "0"];
    const { stdout } = ct("run", ...words, ...userns, "--", "sh", "-c", script);
    expect(stdout.split("\n").slice(-5, -1)).toEqual([
      "/data",
      "env",
      expect.stringContaining("Read-only file system"),
      "1",
    ]);
    expect(stdout.startsWith("b1\n")).toBe(true);
  });

  it("passes standard input to its end, and output complete and unchanged", () => {
    const input = Buffer.alloc(3_000_000, "0123456789abcdef\n");
    const run = spawnSync(process.execPath, [CT, "run", "--", "cat"], { input, maxBuffer: 1 << 26 });
    expect(run.stdout.equals(input)).toBe(true);
  });

  it("copies no output itself: gigabytes do not make it grow", () => {
    const run = spawnSync(
      "sh",
      ["-c", `'${process.execPath}' '${CT}' run -- sh -c 'head -c 1000000000 /dev/zero' | wc -c`],
      { encoding: "utf8" },
    );
    expect(run.stdout.trim()).toBe("1000000000");
  });

  it("passes signals on to the command", async () => {
    const child = spawn(process.execPath, [
      CT,
      "run",
      "--",
      "sh",
      "-c",
      "trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.05; done",
    ]);
    await output(child, "ready");
    child.kill("SIGTERM");
    expect(await output(child, "got it")).toContain("got it");
    expect(await exitOf(child)).toBe(5);
  });

  it("kills what takes too long or writes too much, and says so", () => {
    expect(ct("run", "--timeout", "200ms", "--", "sleep", "60")).toMatchObject({
      status: 137,
      stderr: "ct: killed after 200ms\n",
    });
    const { status, stdout, stderr } = ct("run", "--max-output", "1k", "--", "yes");
    expect({ status, length: stdout.length, stderr }).toEqual({
      status: 137,
      length: 1024,
      stderr: "ct: killed after 1k of output\n",
    });
  });

  it("gives the result as JSON, and errors too", () => {
    const { status, stdout } = ct("run", "--json", "--", "sh", "-c", "echo out; echo err >&2; exit 3");
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      exitCode: 3,
      signal: null,
      stdout: "out\n",
      stderr: "err\n",
      reason: "exit",
    });
    const failed = ct("run", "--json", "--", "no-such-command");
    expect(failed.status).toBe(127);
    expect(JSON.parse(failed.stdout).error).toMatchObject({
      code: "ERR_CT_COMMAND_NOT_FOUND",
      errno: "ENOENT",
      member: "process.args[0]",
    });
  });

  it("keeps a sandboxed command in its workspace", () => {
    const { stdout, stderr } = ct(
      "run",
      "--sandbox",
      "--workspace",
      directory,
      "--",
      "sh",
      "-c",
      "pwd; touch made /usr/made; cat /etc/shadow",
    );
    expect(stdout).toBe(`${directory}\n`);
    expect(stderr).toContain("Read-only file system");
    expect(existsSync(`${directory}/made`)).toBe(true);
  });
});

describe("a terminal", () => {
  // script(1) gives ct a pseudo-terminal, as a person's shell would.
  const inTerminal = (command: string, input = "") =>
    spawnSync("script", ["-qec", command, "/dev/null"], { encoding: "utf8", input, timeout: 20_000 });

  it("is one inside, has the caller's size, and the caller's settings are back afterwards", () => {
    const inner = "tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all";
    const { stdout } = inTerminal(
      `stty rows 33 cols 77; '${process.execPath}' '${CT}' run -t -- sh -c '${inner}'; stty -a | grep -ow -e '-*icanon' -e '-*echo'`,
    );
    const lines = stdout
      .replaceAll(/\r|\^@|\0/g, "")
      .trim()
      .split("\n");
    expect(lines).toEqual(["/dev/pts/0", "33 77", "all", "icanon", "echo"]);
  });

  it("is restored when ct is killed", () => {
    const { stdout } = inTerminal(
      `'${process.execPath}' '${CT}' run -t -- sleep 60 & sleep 1; kill -9 $!; sleep 0.5; stty -a | grep -ow -e '-*icanon'`,
    );
    expect(stdout.replaceAll("\r", "")).toContain("icanon");
    expect(stdout).not.toContain("-icanon");
  });
});

describe("ct explain and ct doctor", () => {
  it("lists every system call with the member it comes from", () => {
    const { status, stdout } = ct("explain", "--read-only", "-v", `${directory}:/data`, "--", "true");
    expect(status).toBe(0);
    expect(stdout).toMatch(/move_mount\(.*"\/data".*# mounts\[\d+\]: bind/);
    expect(stdout).toMatch(/# readonlyRoot/);
    expect(stdout).toContain('execve("/usr/bin/true", ["true"]');
  });

  it("lists them for another kernel, and as JSON", () => {
    const { stdout } = ct("explain", "--kernel", "4.19", "--", "true");
    expect(stdout).not.toMatch(/clone3|open_tree|move_mount|mount_setattr|close_range/);
    expect(JSON.parse(ct("explain", "--json", "--", "true").stdout)[0]).toMatchObject({
      block: "monitor",
      member: "namespaces",
    });
  });

  it("tells what this machine can do", () => {
    const report = JSON.parse(ct("doctor", "--json").stdout);
    expect(report).toMatchObject({ ok: true, kernel: { release: expect.any(String) } });
    expect(ct("doctor").stdout).toContain("Containers can be run.");
  });
});

async function output(child: ChildProcess, wanted: string): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += chunk;
    if (text.includes(wanted)) break;
  }
  return text;
}

const exitOf = (child: ChildProcess) =>
  new Promise((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode);
    child.once("exit", resolve);
  });
