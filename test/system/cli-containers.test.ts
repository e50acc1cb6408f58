import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { hasOpenTree } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";

const CT = process.env.LIBCT_TEST_CT?.split(" ") ?? [
  process.execPath,
  fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url)),
];
const directory = mkdtempSync("/tmp/libct-test-cli-");
const root = busyboxRoot(`${directory}/rootfs`);
const state = `${directory}/state`;
const [FILE = "", ...WORDS] = CT;
const line = (words: readonly string[]) => [...WORDS, "--root", state, ...words];
const ct = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(FILE, line(words), { encoding: "utf8", input: "" });
  return { status, stdout, stderr };
};
afterAll(() => rmSync(directory, { recursive: true }));
auditEachTest();

describe("ct with containers in the background", () => {
  it("does all that one does with them", () => {
    expect(ct("run", "-d", "--name", "web", "--memory", "64M", root, "--", "sh", "-c", "echo hi; sleep 60")).toEqual({
      status: 0,
      stdout: "web\n",
      stderr: "",
    });
    expect(ct("ps").stdout).toMatch(
      /^NAME +STATE +PID +AGE +MEMORY +CPU +COMMAND\nweb +running +\d+ +\d+s +\S+ +\S+ +sh -c echo hi; sleep 60\n$/,
    );
    expect(ct("exec", "web", "--", "sh", "-c", "echo in; exit 9")).toEqual({ status: 9, stdout: "in\n", stderr: "" });
    expect(ct("exec", "web", "echo", "-n", "x").stdout).toBe("x");
    expect(ct("logs", "web").stdout).toBe("hi\n");
    expect(ct("logs", "-t", "web").stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z hi\n$/);
    expect(ct("update", "web", "--memory", "128M").status).toBe(0);
    expect(JSON.parse(ct("stats", "--json", "web").stdout)).toMatchObject([
      { name: "web", memory: { limit: 128 << 20 } },
    ]);
    expect(ct("top", "web").stdout).toContain("sleep 60");
    expect(ct("pause", "web").status).toBe(0);
    expect(ct("ps").stdout).toMatch(/^web +paused/m);
    expect(ct("exec", "web", "true").stderr).toBe(
      "ct: container web is paused; hint: let it go on first: ct resume web\n",
    );
    expect(ct("resume", "web").status).toBe(0);
    expect(ct("rename", "web", "www").stdout).toBe("www\n");
    expect(ct("rm", "www")).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("stop it first (ct stop www)"),
    });
    expect(ct("stop", "www").stdout).toBe("www\n");
    expect(ct("wait", "www").stdout).toBe("137\n");
    expect(JSON.parse(ct("inspect", "www").stdout)).toMatchObject([
      { name: "www", status: "stopped", exit: { signal: "SIGKILL" } },
    ]);
    expect(ct("rm", "www").stdout).toBe("www\n");
    expect(JSON.parse(ct("ps", "--json").stdout)).toEqual([]);
  });

  it("creates one, starts it, and tells its exit status", () => {
    expect(ct("create", "--name", "job", root, "--", "sh", "-c", "echo done; exit 3").stdout).toBe("job\n");
    expect(ct("ps").stdout).toMatch(/^job +created/m);
    expect(ct("start", "job").status).toBe(0);
    expect(JSON.parse(ct("wait", "--json", "job").stdout)).toMatchObject({ name: "job", exitCode: 3 });
    expect(ct("start", "job").stderr).toContain("container job is stopped, and only a created one can be started");
    expect(ct("rm", "job").status).toBe(0);
  });

  it("follows what one writes, and ends when it does", async () => {
    ct("run", "-d", "--name", "talk", root, "--", "sh", "-c", "for i in 1 2 3; do echo line $i; sleep 0.1; done");
    const { stdout } = spawnSync(FILE, line(["logs", "-f", "talk"]), { encoding: "utf8" });
    expect(stdout).toBe("line 1\nline 2\nline 3\n");
    expect(ct("logs", "--tail", "1", "talk").stdout).toBe("line 3\n");
    expect(JSON.parse(ct("logs", "--json", "--tail", "1", "talk").stdout)).toMatchObject({
      stream: "stdout",
      text: "line 3\n",
    });
    expect(ct("rm", "talk").status).toBe(0);
  });

  it("attaches to one, and ends with its exit status", async () => {
    ct("run", "-d", "-i", "--name", "cat", root, "--", "sh", "-c", "read x; echo got $x; exit 4");
    const attached = spawn(FILE, line(["attach", "cat"]), { stdio: ["pipe", "pipe", "inherit"] });
    let text = "";
    attached.stdout.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    attached.stdin.write("it\n");
    const status = await new Promise((resolve) => attached.once("close", resolve));
    expect({ status, text }).toEqual({ status: 4, text: "got it\n" });
    expect(ct("rm", "cat").status).toBe(0);
  });

  it.runIf(hasOpenTree())("mounts something in one, and takes it away again", () => {
    ct("run", "-d", "--name", "grow", root, "--", "sleep", "60");
    writeFileSync(`${directory}/hello`, "hello\n");
    expect(ct("mount", "grow", `type=bind,source=${directory},target=/mnt/data,readonly`).status).toBe(0);
    expect(ct("exec", "grow", "cat", "/mnt/data/hello").stdout).toBe("hello\n");
    expect(ct("umount", "grow", "/mnt/data").status).toBe(0);
    expect(ct("exec", "grow", "cat", "/mnt/data/hello").status).toBe(1);
    expect(ct("rm", "-f", "grow").status).toBe(0);
  });

  it("tells what happens in one", async () => {
    ct("run", "-d", "--name", "eventful", root, "--", "sleep", "60");
    const events = spawn(FILE, line(["events", "eventful"]), { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    events.stdout.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    await vi.waitFor(
      () => {
        ct("pause", "eventful");
        ct("resume", "eventful");
        expect(text).toMatch(/ eventful frozen\n/);
      },
      { timeout: 20_000 },
    );
    ct("rm", "-f", "eventful");
    expect(await new Promise((resolve) => events.once("close", resolve))).toBe(0);
  });

  it.each<[words: string[], text: string]>([
    [["stop", "nobody"], "ct: there is no container named nobody"],
    [["exec", "nobody"], "ct: no command is given; hint: ct exec nobody -- COMMAND..."],
    [["update", "nobody"], "ct: no limit is given"],
    [["run", "--restart", "always", root, "--", "true"], "ct: --restart is for a container in the background: add -d"],
    [
      ["run", "-d", "--restart", "sometimes", root, "--", "true"],
      '--restart "sometimes": expected no, on-failure[:TIMES] or always',
    ],
    [["run", "-d", "--timeout", "1s", root, "--", "true"], "ct: --timeout is for a container that ct waits for"],
    [["run", "-d", "--name", "../x", root, "--", "true"], "(name)"],
    [["logs", "--since", "yesterday", "nobody"], '--since "yesterday"'],
    [["rename", "one"], "two names are needed"],
    [["completion", "tcsh"], "expected bash, zsh or fish"],
  ])("says in one line what is wrong: %j", (words, text) => {
    const { status, stdout, stderr } = ct(...words);
    expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
    expect(stderr).toContain(text);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("goes on with the others when one of several fails", () => {
    ct("run", "-d", "--name", "there", root, "--", "true");
    const { status, stdout, stderr } = ct("rm", "-f", "nobody", "there");
    expect({ status, stdout }).toEqual({ status: 125, stdout: "there\n" });
    expect(stderr).toContain("no container named nobody");
  });

  it("repairs what was left, and says that there was nothing", () => {
    expect(ct("doctor", "--repair").stdout).toBe("nothing was left behind\n");
    expect(readdirSync(`${state}/containers`)).toEqual([]);
  });
});

it("ct explain shows what a container in the background leaves on disk, and makes nothing", () => {
  const { stdout } = ct("explain", "-d", "--name", "shown", "--restart", "always", root, "--", "true");
  expect(stdout).toContain(`openat(AT_FDCWD, "${state}/containers/shown"`);
  for (const call of [
    "log(record, 0x1000000, stdout_read, stderr_read)",
    "keep running",
    "restart(record)",
    '"exit.new"',
  ]) {
    expect(stdout).toContain(call);
  }
  expect(ct("ps", "-q").stdout).toBe("");
});

describe("shell completion", () => {
  it("is a script that bash takes, and knows commands, flags and names", () => {
    ct("run", "-d", "--name", "known", root, "--", "sleep", "60");
    const script = ct("completion", "bash").stdout;
    const complete = (...words: string[]) => {
      const ask = `ct() { ${[...CT, "--root", state].join(" ")} "$@"; }
${script}
COMP_WORDS=(${words.map((word) => JSON.stringify(word)).join(" ")}); COMP_CWORD=${words.length - 1}; _ct; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return spawnSync("bash", ["-c", ask], { encoding: "utf8" }).stdout.trim().split("\n");
    };
    expect(complete("ct", "ren")).toEqual(["rename"]);
    expect(complete("ct", "logs", "--fo")).toEqual(["--follow"]);
    expect(complete("ct", "vol")).toEqual(["volume"]);
    expect(complete("ct", "--da")).toEqual(["--data"]);
    expect(complete("ct", "image", "unm")).toEqual(["unmount"]);
    expect(complete("ct", "--data", "/tmp", "--root", state, "image", "pull", "--plat")).toEqual(["--platform"]);
    expect(complete("ct", "--root", state, "net", "ls", "kno")).toEqual(["known"]);
    expect(complete("ct", "stop", "kno")).toEqual(["known"]);
    ct("rm", "-f", "known");
  });

  it.runIf(requires("fish", installed("fish"), "it must take its script"))("is a script that fish takes", () => {
    const script = `${directory}/ct.fish`;
    writeFileSync(script, ct("completion", "fish").stdout);
    const { status, stderr } = spawnSync("fish", ["--no-execute", script], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});
