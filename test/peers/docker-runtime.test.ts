import { describe, expect, it } from "vitest";
import { both, dockerAvailable, RUNTIMES, withEngine } from "../support/docker-runtime.ts";
import { PseudoTerminal } from "../support/pseudo-terminal.ts";

/** Waits for a signal; what it prints tells that it does. */
const PATIENT = 'trap "echo bye; exit 7" TERM; trap "echo usr1" USR1; echo ready; while :; do sleep 0.1; done';

describe.runIf(dockerAvailable)("docker with ct-runtime, beside runc: processes", () => {
  const engine = withEngine();
  const { docker, ask } = engine;

  it("runs a command with its output, exit status and environment", async () => {
    const script = "echo out; echo err >&2; env; pwd; id; cat /etc/hostname | wc -c; exit 3";
    expect(await engine.same(["-e", "A=b c", "--workdir", "/tmp/new"], script)).toContain("HOME=/root\n");
    expect((await engine.run("libct", [], "sh", "-c", "kill -9 $$")).status).toBe(0);
    expect(await both((runtime) => engine.run(runtime, [], "sh", "-c", 'sh -c "kill -15 \\$\\$"; echo $?'))).toBe(
      "143\n",
    );
  });

  it("passes standard input on, and its end", async () => {
    const words = (runtime: string) => [
      "run",
      "--rm",
      "-i",
      "--network=none",
      `--runtime=${runtime}`,
      "busybox",
      "cat",
    ];
    const results = RUNTIMES.map((runtime) => engine.engine.dockerWith({ input: "a\nb" }, ...words(runtime)));
    for (const { status, stdout } of await Promise.all(results))
      expect({ status, stdout }).toEqual({ status: 0, stdout: "a\nb" });
  });

  it("says with runc's exit statuses and words that a command is not there (127) or cannot be executed (126)", async () => {
    for (const [command, status, words] of [
      ["nocmd", 127, 'exec: "nocmd": executable file not found in $PATH'],
      ["/nocmd", 127, "no such file or directory"],
      ["/etc/passwd", 126, 'exec: "/etc/passwd": permission denied'],
      ["/etc", 126, 'exec: "/etc": permission denied'],
    ] as const) {
      const results = await Promise.all(RUNTIMES.map((runtime) => engine.run(runtime, [], command)));
      for (const result of results) {
        expect(result).toMatchObject({ status });
        expect(result.stderr).toContain(words);
      }
    }
  });

  it("says what is wrong with a mount of a file on a directory, with the engine's advice", async () => {
    const options = ["-v", "/etc/hostname:/bin"];
    for (const { status, stderr } of await Promise.all(
      RUNTIMES.map((runtime) => engine.run(runtime, options, "true")),
    )) {
      expect(status).toBe(125);
      expect(stderr).toContain("not a directory");
      expect(stderr).toContain("Are you trying to mount a directory onto a file (or vice-versa)?");
    }
    const { stderr } = await engine.run("libct", options, "true");
    expect(stderr).toMatch(/\/etc\/hostname.*\/bin.*mounts\[/);
  });

  it("has a terminal of the caller's size that follows it, and a console", async () => {
    for (const runtime of RUNTIMES) {
      const script = `until [ "$(stty size 2>/dev/null)" = "33 77" ]; do sleep 0.1; done; test -c /dev/console && tty; echo ready; until [ "$(stty size 2>/dev/null)" = "44 88" ]; do sleep 0.1; done; echo resized; exit 5`;
      const words = `docker -H ${engine.engine.socket} run --rm -it --network=none --runtime=${runtime} busybox sh -c '${script}'`;
      const terminal = new PseudoTerminal(`tty; stty rows 33 cols 77; ${words}`);
      const [, device = ""] = await terminal.until(/(\/dev\/pts\/\d+)\r\n/);
      await terminal.until(/\/dev\/pts\/0\r\nready/);
      await engine.resize(device, 44, 88);
      await terminal.until(/resized/);
      expect(await terminal.ended).toBe(5);
    }
  });

  it("is interrupted by Ctrl-C, and gets what is typed", async () => {
    for (const runtime of RUNTIMES) {
      const script =
        'trap "echo interrupted; exit 9" INT; read -r line; echo "got <$line>"; while :; do sleep 0.1; done';
      const terminal = new PseudoTerminal(
        `docker -H ${engine.engine.socket} run --rm -it --network=none --runtime=${runtime} busybox sh -c '${script}'`,
      );
      terminal.type("hello\r");
      await terminal.until(/got <hello>/);
      terminal.type("\x03");
      await terminal.until(/interrupted/);
      expect(await terminal.ended).toBe(9);
    }
  });

  it("executes further commands: as whom, where, with which variables; and their exit statuses", async () => {
    await engine.sameWith([], PATIENT, async (id) => {
      const results = [];
      for (const words of [
        [id, "sh", "-c", "id; pwd; env | grep -v HOSTNAME; grep -E 'Cap|Seccomp|NoNewPrivs' /proc/self/status"],
        ["-u", "app", "-w", "/tmp", "-e", "A=b", id, "sh", "-c", "id; pwd; env | grep -v HOSTNAME"],
        ["-u", "1000:50", id, "id"],
        ["-u", "4242", id, "sh", "-c", "id; echo $HOME"],
        [id, "sh", "-c", "exit 3"],
        [id, "sh", "-c", "kill -9 $$"],
      ]) {
        const { status, stdout } = await docker("exec", ...words);
        results.push({ status, stdout });
      }
      // The engine of this version gives 126 for each failure to start one.
      for (const words of [["nocmd"], ["/nocmd"], ["/etc/passwd"], ["/etc"]]) {
        const { status, stderr } = await docker("exec", id, ...words);
        results.push([
          status,
          /executable file not found in \$PATH|no such file or directory|permission denied/.exec(stderr)?.[0],
        ]);
      }
      const elsewhere = await docker("exec", "-w", "/nonexistent", id, "pwd");
      results.push([elsewhere.status, elsewhere.stderr.includes("no such file or directory")]);
      return results;
    });
  });

  it("executes a command with a terminal, with input, and one that goes on by itself", async () => {
    await engine.sameWith([], PATIENT, async (id) => {
      const words = `docker -H ${engine.engine.socket} exec -it ${id} sh -c 'until [ "$(stty size 2>/dev/null)" = "20 50" ]; do sleep 0.1; done; tty; echo $TERM; exit 4'`;
      const terminal = new PseudoTerminal(`stty rows 20 cols 50; ${words}`);
      const status = await terminal.ended;
      const { stdout } = await engine.engine.dockerWith({ input: "typed" }, "exec", "-i", id, "cat");
      await ask("exec", "-d", id, "sh", "-c", "echo there > /tmp/mark; sleep 1000");
      await expect.poll(async () => (await docker("exec", id, "cat", "/tmp/mark")).stdout).toBe("there\n");
      const top = (await ask("top", id, "-o", "pid,args")).split("\n").filter((line) => line.endsWith("sleep 1000"));
      return { status, shown: terminal.output, stdout, top: top.length };
    });
  });

  it("stops gracefully, or is killed when it does not; gets signals; can be started again, waited for and inspected", async () => {
    await engine.sameWith([], PATIENT, async (id) => {
      await engine.logged(id, "ready");
      await ask("kill", "-s", "USR1", id);
      await engine.logged(id, "usr1");
      await ask("stop", "-t", "20", id);
      const ended = await engine.inspect(
        id,
        "{{.State.ExitCode}} {{.State.Status}} {{.State.Pid}} {{.State.OOMKilled}}",
      );
      expect(ended).toBe("7 exited 0 false");
      await ask("start", id);
      await expect.poll(async () => (await docker("logs", id)).stdout).toBe("ready\nusr1\nbye\nready\n");
      const waiting = ask("wait", id);
      await ask("kill", id);
      return [await waiting, (await docker("exec", id, "true")).stderr.replaceAll(id, "ID")];
    });
    expect(
      await engine.sameWith([], 'trap "" TERM; while :; do sleep 0.1; done', async (id) => {
        await ask("stop", "-t", "1", id);
        return await engine.inspect(id, "{{.State.ExitCode}}");
      }),
    ).toBe("137");
  });

  it("is paused and goes on", async () => {
    await engine.sameWith([], "while :; do date +%N; done", async (id) => {
      await ask("pause", id);
      const paused = await engine.inspect(id, "{{.State.Status}} {{.State.Paused}}");
      const length = async () => (await docker("logs", id)).stdout.length;
      const refused = (await docker("exec", id, "true")).stderr.replaceAll(id, "ID");
      const before = await length();
      const after = await length();
      await ask("unpause", id);
      await expect.poll(length).toBeGreaterThan(after);
      return [paused, refused, after - before, await engine.inspect(id, "{{.State.Status}}")];
    });
  });

  it("is restarted: on failure so often, always until it is stopped", async () => {
    await engine.sameWith(["--restart", "on-failure:2"], "echo once; exit 3", async (id) => {
      await expect
        .poll(() => engine.inspect(id, "{{.State.Status}} {{.RestartCount}}"), { timeout: 15_000 })
        .toBe("exited 2");
      return (await docker("logs", id)).stdout;
    });
    await engine.sameWith(["--restart", "always"], "echo once; sleep 1000", async (id) => {
      await engine.logged(id, "once");
      process.kill(Number(await engine.inspect(id, "{{.State.Pid}}")), "SIGKILL");
      await engine.logged(id, "once\nonce");
      await ask("kill", id);
      return await engine.inspect(id, "{{.State.Status}} {{.State.Running}}");
    });
  });
});
