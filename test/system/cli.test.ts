import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { hasUserOverlays, kernel, kernelNamespaces } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";

/** The command to test, as words: the built one, or the one that LIBCT_TEST_CT tells (such as dist/ct). */
const CT = process.env.LIBCT_TEST_CT?.split(" ") ?? [
  process.execPath,
  fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url)),
];
const [FILE = "", ...WORDS] = CT;

const ct = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(FILE, [...WORDS, ...words], { encoding: "utf8", maxBuffer: 1 << 29 });
  return { status, stdout, stderr };
};
const start = (...words: string[]) => spawn(FILE, [...WORDS, ...words], { stdio: ["ignore", "pipe", "pipe"] });

const hasTime = kernelNamespaces("ct run makes one").includes("time");
const directory = mkdtempSync("/tmp/ct-cli-");
chmodSync(directory, 0o777);
afterAll(() => rmSync(directory, { recursive: true }));
auditEachTest();

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
    [["sh", "-c", "sh -c 'kill -9 $$'"], 137],
    [["no-such-command"], 127],
    [["/etc/passwd"], 126],
  ])("exits as the command did: %j", (command, status) => {
    expect(ct("run", "--", ...command).status).toBe(status);
  });

  it.each<[words: string[], text: string]>([
    [["run"], "ct: no command is given"],
    [["run", "true"], 'ct: "true" is no ROOT'],
    [["run", "--frob", "--", "true"], "ct: unknown option '--frob'"],
    [["run", "--nam", "x", "--", "true"], "hint: did you mean --name?"],
    [["run", "--net", "bridge", "--", "true"], "ct: there is no network named bridge"],
    [["run", "./nowhere", "--", "true"], 'ct: ROOT "./nowhere" does not exist'],
    [["run", "-v", "/nowhere:/x", "--", "true"], 'ct: --bind "/nowhere:/x": the source /nowhere does not exist'],
    [["run", "--memory", "lots", "--", "true"], "--memory"],
    [["run", "--workspace", "/tmp", "--", "true"], "ct: --workspace is for the sandbox: add --sandbox"],
    [["run", "-t", "--", "true"], "ct: -t needs a terminal as standard input"],
    [["run", "--security-opt", "seccomp=/nowhere", "--", "true"], "the file does not exist"],
    [["run", "--", "no\nsuch\ncommand"], "ct: command not found"],
    [["explain", "--kernel", "new", "--", "true"], 'ct: --kernel "new": expected a release'],
    [["frob"], "ct: unknown command 'frob'"],
  ])("says in one line what is wrong, and what went wrong: %j", (words, text) => {
    const { status, stdout, stderr } = ct(...words);
    expect({ status, stdout }).toEqual({ status: words.includes("no\nsuch\ncommand") ? 127 : 125, stdout: "" });
    expect(stderr).toContain(text);
    expect(stderr).toMatch(/^ct: .*\n$/);
  });

  it("takes the environment, the working directory and mounts", () => {
    writeFileSync(`${directory}/env`, "# comment\nFROM_FILE=1\n");
    const words = ["-e", "A=b", "--env-file", `${directory}/env`, "-w", "/data", "-v", `${directory}:/data:ro`];
    const script =
      "echo $A$FROM_FILE $HOME; pwd; cat env; touch x 2>&1; grep -c ' /scratch tmpfs ' /proc/mounts; env | grep -c ^PATH=/";
    const { stdout } = ct("run", ...words, "--tmpfs", "/scratch", "--", "sh", "-c", script);
    expect(stdout.split("\n")).toEqual([
      "b1 /root",
      "/data",
      "# comment",
      "FROM_FILE=1",
      expect.stringContaining("Read-only file system"),
      "1",
      "1",
      "",
    ]);
  });

  it("takes ROOT, flags on both sides of it, and a command without --", () => {
    expect(ct("run", "host", "--hostname", "boat", "--", "hostname").stdout).toBe("boat\n");
    expect(ct("run", "host", "echo", "-n", "--json").stdout).toBe("--json");
  });

  it.runIf(hasTime)("makes, joins and leaves out namespaces", () => {
    const net = readNamespace("net");
    const words = ["--no-namespace", "network", "--namespace", "time"];
    const { stdout } = ct(
      "run",
      ...words,
      "--",
      "sh",
      "-c",
      "readlink /proc/self/ns/net /proc/self/ns/time; ls /sys/class/net",
    );
    const [inNet, inTime, ...devices] = stdout.trim().split("\n");
    expect(inNet).toBe(net);
    expect(inTime).not.toBe(readNamespace("time"));
    expect(devices).toContain("lo");
  });

  const bounding = (...words: string[]) =>
    /CapBnd:\s*([0-9a-f]+)/.exec(ct("run", ...words, "--", "cat", "/proc/self/status").stdout)?.[1];

  it("gives and takes capabilities", () => {
    expect(bounding("--cap-drop", "ALL")).toBe("0000000000000000");
    expect(bounding("--cap-drop", "ALL", "--cap-add", "KILL")).toBe("0000000000000020");
  });

  it.runIf(hasUserOverlays())("gives all of them in a user namespace, and takes them there", () => {
    expect(bounding("--user-namespace", "auto", "--cap-add", "ALL", "--cap-drop", "net_raw")).toMatch(/ffffffdfff$/);
  });

  it("keeps a sandboxed command in its workspace", () => {
    const script = "pwd; touch made /usr/made; cat /etc/shadow";
    const { stdout, stderr } = ct("run", "--sandbox", "--workspace", directory, "--", "sh", "-c", script);
    expect(stdout).toBe(`${directory}\n`);
    expect(stderr).toContain("Read-only file system");
    expect(existsSync(`${directory}/made`)).toBe(true);
  });
});

describe("input and output of ct run", () => {
  it("pass to their ends unchanged, also when the sender is late", () => {
    const input = Buffer.alloc(3_000_000, "0123456789abcdef\n");
    writeFileSync(`${directory}/input`, input);
    const script = `{ sleep 0.3; cat '${directory}/input'; } | ${quoted(CT)} run -- cat | { sleep 0.6; cat; }`;
    const { stdout, stderr } = spawnSync("sh", ["-c", script], { maxBuffer: 1 << 26 });
    expect(stderr.toString()).toBe("");
    expect(stdout.equals(input)).toBe(true);
  });

  it("are not made non-blocking for those who share them", () => {
    const flags = "grep flags: /proc/self/fdinfo/0 /proc/self/fdinfo/1 | awk '{print $2}'";
    const { stdout } = spawnSync(
      "sh",
      ["-c", `cat /dev/null | ${quoted(CT)} run -- sh -c "${flags.replace("$", "\\$")}" | cat`],
      {
        encoding: "utf8",
      },
    );
    const O_NONBLOCK = 0o4000;
    const found = stdout
      .trim()
      .split("\n")
      .map((octal) => Number.parseInt(octal, 8) & O_NONBLOCK);
    expect(found).toEqual([0, 0]);
  });

  it.each<[how: string, flags: string[], megabytes: number]>([
    ["do not go through ct", [], 8],
    ["do not pile up in ct when it counts them", ["--max-output", "1G"], 64],
  ])("%s: 256 MB do not make it grow", async (_how, flags, megabytes) => {
    const child = start("run", ...flags, "--", "head", "-c", String(256 << 20), "/dev/zero");
    let [bytes, first, last] = [0, 0, 0];
    for await (const chunk of child.stdout) {
      bytes += (chunk as Buffer).length;
      const now = peakMemory(child);
      first ||= now;
      last = now || last;
    }
    expect(bytes).toBe(256 << 20);
    expect(first).toBeGreaterThan(0);
    expect((last - first) / 2 ** 20).toBeLessThan(megabytes);
    expect(await exitOf(child)).toBe(0);
  });

  it("let the command end when nobody reads any more", () => {
    for (const flags of ["", "--max-output 1G"]) {
      const script = `${quoted(CT)} run ${flags} -- yes | head -n 1`;
      const { stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8", timeout: 20_000 });
      expect(stdout).toBe("y\n");
      expect(stderr).not.toContain("ct:");
    }
  });

  it("are limited in time and size, and ct says so", () => {
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
});

describe("ct run --json", () => {
  it("gives the result, and the command reads ct's input", () => {
    const script = `echo in | ${quoted(CT)} run --json -- sh -c 'cat; echo err >&2; exit 3'`;
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 3, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      exitCode: 3,
      signal: null,
      stdout: "in\n",
      stderr: "err\n",
      reason: "exit",
      duration: expect.any(Number),
    });
  });

  it("tells why a command was stopped", () => {
    const result = (...words: string[]) => JSON.parse(ct("run", "--json", ...words).stdout);
    expect(result("--timeout", "200ms", "--", "sleep", "60")).toMatchObject({ reason: "timeout", signal: "SIGKILL" });
    expect(result("--max-output", "10", "--", "yes")).toMatchObject({
      reason: "output-limit",
      stdout: "y\n".repeat(5),
    });
  });

  it("gives errors in the same place, those of usage too", () => {
    const failed = ct("run", "--json", "--", "no-such-command");
    expect({ status: failed.status, stderr: failed.stderr }).toEqual({ status: 127, stderr: "" });
    expect(JSON.parse(failed.stdout).error).toMatchObject({
      code: "ERR_CT_COMMAND_NOT_FOUND",
      errno: "ENOENT",
      member: "process.args[0]",
    });
    const misused = ct("run", "--json", "--frob", "--", "true");
    expect({ status: misused.status, stderr: misused.stderr }).toEqual({ status: 125, stderr: "" });
    expect(JSON.parse(misused.stdout).error).toMatchObject({ code: "ERR_CT_USAGE" });
  });
});

describe("signals to ct run", () => {
  it.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH", "SIGCONT"] as const)(
    "%s is passed on, once",
    async (signal) => {
      const script = `trap 'n=$((n+1)); echo got $n' ${signal.slice(3)}; trap 'exit 5' TERM; ${
        signal === "SIGTERM" ? "trap 'n=$((n+1)); echo got $n; exit 5' TERM;" : ""
      } echo ready; while :; do sleep 0.05; done`;
      const child = start("run", "--", "sh", "-c", script);
      await output(child, "ready\n");
      child.kill(signal);
      const seen = await output(child, "got 1\n");
      if (signal !== "SIGTERM") child.kill("SIGTERM");
      const rest = await output(child, undefined);
      expect(seen + rest).toBe("got 1\n");
      expect(await exitOf(child)).toBe(5);
    },
  );

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)(
    "%s ends a command that has no handler for it, though it is the first of its pid namespace",
    async (signal, status) => {
      // What cat gives back is a sign that it runs; a shell would have handlers.
      const child = spawn(FILE, [...WORDS, "run", "--", "cat"]);
      child.stdin.write("ready\n");
      await output(child, "ready\n");
      child.kill(signal);
      expect(await exitOf(child)).toBe(status);
    },
  );

  it("are left alone by a command that ignores them", async () => {
    const child = start("run", "--", "sh", "-c", "trap '' INT; echo ready; sleep 0.5; echo alive");
    await output(child, "ready\n");
    child.kill("SIGINT");
    expect(await output(child, undefined)).toBe("alive\n");
    expect(await exitOf(child)).toBe(0);
  });

  it("that cannot be caught end the container with ct", async () => {
    const child = start("run", "--", "sh", "-c", "echo ready; exec sleep 61");
    await output(child, "ready\n");
    const processes = descendants(child.pid ?? 0);
    expect(processes.length).toBeGreaterThan(1);
    child.kill("SIGKILL");
    await exitOf(child);
    await allEnded(processes);
  });
});

describe("a terminal", () => {
  it("is one inside, has the caller's size and follows it", () => {
    const inner =
      'tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all; trap "stty size" WINCH; echo ready; read x; read y';
    const { output: seen, status } = inTerminal(
      ["run", "-t", "--", "sh", "-c", inner],
      [
        ["resize", 33, 77],
        ["start"],
        ["expect", "33 77\r\nall\r\nready\r\n"],
        ["resize", 40, 100],
        ["expect", "40 100\r\n"],
        ["send", "\r\r"],
      ],
    );
    expect(seen).toContain("/dev/pts/0\r\n33 77\r\n");
    expect(status).toBe(0);
  });

  it("passes Ctrl-C to the command as a key, is raw meanwhile, and as before afterwards", () => {
    const inner = 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.05; done';
    const result = inTerminal(
      ["run", "-t", "--", "sh", "-c", inner],
      [["start"], ["expect", "ready\r\n"], ["mode"], ["send", "\u0003"], ["expect", "caught\r\n"]],
    );
    expect(result).toMatchObject({ status: 9, modes: [{ icanon: false, echo: false, isig: false }], restored: true });
  });

  it("is as before when ct is killed", async () => {
    const result = inTerminal(
      ["run", "-t", "--", "sh", "-c", "echo ready; sleep 60"],
      [["start"], ["expect", "ready\r\n"], ["mode"], ["kill", "SIGKILL"]],
    );
    expect(result).toMatchObject({ status: -9, modes: [{ icanon: false }], restored: true });
    expect(result.killed.length).toBeGreaterThan(1);
    await allEnded(result.killed);
  });

  it("without -t gives Ctrl-C as one SIGINT", () => {
    const inner = "trap 'n=$((n+1)); echo got $n' INT; echo ready; while [ ! -e go ]; do sleep 0.05; done; echo n=$n";
    const words = ["run", "-v", `${directory}:/w`, "-w", "/w", "--", "sh", "-c", inner];
    const result = inTerminal(words, [
      ["start"],
      ["expect", "ready\r\n"],
      ["send", "\u0003"],
      ["expect", "got 1\r\n"],
      ["touch", `${directory}/go`],
    ]);
    expect(result.output).toContain("n=1\r\n");
    expect(result.status).toBe(0);
  });

  it("is only read with -t or -i", () => {
    expect(inTerminal(["run", "--", "cat"], [["start"]])).toMatchObject({ status: 0 });
    const interactive = inTerminal(
      ["run", "-i", "--", "head", "-n", "1"],
      [["start"], ["send", "typed\r"], ["expect", "typed\r\ntyped\r\n"]],
    );
    expect(interactive).toMatchObject({ status: 0, restored: true });
  });
});

describe("ct explain", () => {
  it("lists every system call with the member it comes from", () => {
    const { status, stdout } = ct("explain", "--read-only", "-v", `${directory}:/data`, "--", "true");
    expect(status).toBe(0);
    const mount = kernel.openTree
      ? /move_mount\(.*"\/data".*# mounts\[\d+\]: bind/
      : / mount\(.*"\/data".*# mounts\[\d+\]: bind/;
    expect(stdout).toMatch(mount);
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

  it("is silent when its reader has seen enough", () => {
    const { stderr, stdout } = spawnSync("sh", ["-c", `${quoted(CT)} explain -- true | head -n 1`], {
      encoding: "utf8",
    });
    expect({ stderr, stdout }).toEqual({ stderr: "", stdout: "monitor:\n" });
  });
});

describe("ct", () => {
  it("tells what this machine can do", () => {
    const report = JSON.parse(ct("doctor", "--json").stdout);
    expect(report).toMatchObject({ ok: true, kernel: { release: expect.any(String) } });
    const { status, stdout } = ct("doctor");
    expect(status).toBe(0);
    expect(stdout).toContain("Containers can be run.");
  });

  it("tells its version and its flags", () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(ct("--version")).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
    for (const words of [
      ["help", "run"],
      ["run", "--help"],
    ]) {
      const { status, stdout } = ct(...words);
      expect(status).toBe(0);
      expect(stdout).toContain("--cap-drop <capability>");
      expect(stdout).toContain("Exit status:");
    }
    expect(ct("help").stdout).toMatch(/run[^\n]*run a command/);
    expect(ct()).toMatchObject({ status: 125, stdout: "", stderr: expect.stringContaining("Usage: ct") });
  });
});

const readNamespace = (name: string) =>
  spawnSync("readlink", [`/proc/self/ns/${name}`], { encoding: "utf8" }).stdout.trim();

const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(" ");

/** The most memory that a process has had, in bytes; 0 when it has ended. */
function peakMemory(child: ChildProcess): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").map(Number).filter(Boolean);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

const stateOf = (pid: number) => {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined; // Gone.
  }
};

/** Orphans end soon; some machines' first process takes seconds to collect them, which is not ct's fault. */
async function allEnded(pids: readonly number[]): Promise<void> {
  const ended = (pid: number) => [undefined, "Z"].includes(stateOf(pid));
  await vi.waitUntil(() => pids.every(ended), { timeout: 3000, interval: 10 });
  await vi.waitUntil(() => pids.every((pid) => stateOf(pid) === undefined), { timeout: 20_000, interval: 20 });
}

/** Reads until the text has come, or to the end. */
async function output(child: ChildProcess, wanted: string | undefined): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += chunk;
    if (wanted !== undefined && text.includes(wanted)) break;
  }
  return text;
}

const exitOf = (child: ChildProcess) =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.once("exit", resolve);
  });

type Step =
  | ["start"]
  | ["expect", text: string]
  | ["send", text: string]
  | ["resize", rows: number, columns: number]
  | ["mode"]
  | ["kill", signal: string]
  | ["touch", path: string];

interface TerminalResult {
  readonly output: string;
  /** The exit status; negative for a signal. */
  readonly status: number;
  readonly modes: readonly { readonly icanon: boolean; readonly echo: boolean; readonly isig: boolean }[];
  /** The processes below ct when it was sent a signal. */
  readonly killed: readonly number[];
  /** The settings are those from before. */
  readonly restored: boolean;
}

/** What a person at a terminal does: ct is the foreground job of a session on a pseudo-terminal that outlives it. */
const TERMINAL_DRIVER = `
import fcntl, json, os, pty, select, signal, struct, sys, termios, time
words, steps = json.load(sys.stdin)
master, slave = pty.openpty()
before = termios.tcgetattr(slave)
deadline = time.time() + 30
output, seen, pid, modes, killed = b"", 0, 0, [], []

def descendants(parent):
    with open(f"/proc/{parent}/task/{parent}/children") as file: children = file.read().split()
    return [one for child in children for one in [int(child), *descendants(child)]]

def read(timeout):
    global output
    if select.select([master], [], [], timeout)[0]:
        output += os.read(master, 65536)

def start():
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2): os.dup2(slave, fd)
        os.execvp(words[0], words)
    return child

for step, *args in steps:
    if step == "start": pid = start()
    elif step == "expect":
        while output.find(args[0].encode(), seen) < 0:
            if time.time() > deadline: sys.exit("no " + repr(args[0]) + " in " + repr(output))
            read(0.1)
        seen = output.find(args[0].encode(), seen) + len(args[0])
    elif step == "send": os.write(master, args[0].encode())
    elif step == "resize":
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", args[0], args[1], 0, 0))
    elif step == "mode":
        local = termios.tcgetattr(slave)[3]
        modes.append({name: bool(local & getattr(termios, name.upper())) for name in ("icanon", "echo", "isig")})
    elif step == "kill":
        killed = descendants(pid)
        os.kill(pid, getattr(signal, args[0]))
    elif step == "touch": open(args[0], "w").close()

done = 0
while not done:
    if time.time() > deadline:
        os.kill(pid, signal.SIGKILL)
        sys.exit("still running after " + repr(output))
    read(0.02)
    done, status = os.waitpid(pid, os.WNOHANG)
read(0)
# A monitor that outlives ct restores the settings: it may take a moment.
while termios.tcgetattr(slave) != before and time.time() < deadline: read(0.02)
print(json.dumps({"output": output.decode(errors="replace"), "status": os.waitstatus_to_exitcode(status),
    "modes": modes, "killed": killed, "restored": termios.tcgetattr(slave) == before}))
`;

function inTerminal(words: readonly string[], steps: readonly Step[]): TerminalResult {
  const input = JSON.stringify([[...CT, ...words], steps]);
  const driver = spawnSync("python3", ["-c", TERMINAL_DRIVER], { input, encoding: "utf8", timeout: 50_000 });
  if (driver.status !== 0) throw new Error(`the terminal's driver failed: ${driver.stderr}`);
  return JSON.parse(driver.stdout) as TerminalResult;
}

it.each(["run --help", "explain -- true", "doctor"])("ct %s | head -n 1 is no error", (words) => {
  const command = [...CT, words].join(" ");
  const { stderr } = spawnSync("sh", ["-c", `${command} | head -n 1`], { encoding: "utf8" });
  expect(stderr).toBe("");
});
