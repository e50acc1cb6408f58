import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ContainerSpec, dir, type Host, overlay, type ProcessSpec, standard } from "../../src/index.ts";
import { spawnScript } from "../support/as-user.ts";
import { capture, ownMemory, shell, waitForOutput } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { hasUserImages, hasUserOverlays } from "../support/kernel.ts";
import { auditEachTest, expectNothingLeft, takeInventory } from "../support/leaks.ts";
import { busyboxRoot, makeRoot, temporaryDirectory } from "../support/rootfs.ts";

let host: Host;
let rootfs: string;
let work: string;
beforeAll(async () => {
  host = await openHost();
  rootfs = busyboxRoot();
  work = temporaryDirectory();
});
afterAll(() => host[Symbol.asyncDispose]());
auditEachTest();

/** A container with namespaces and a root that nobody else changes. */
const isolated = (): ContainerSpec => ({
  root: overlay({ lower: [rootfs] }),
  namespaces: ["mount", "pid", "ipc", "uts"],
  mounts: [{ destination: "/proc", type: "proc" }],
});

describe("the end of a process", () => {
  for (const code of [0, 1, 42, 125, 255]) {
    it(`by exit ${code} is told as that`, async () => {
      const result = await capture(host, isolated(), ["/bin/sh", "-c", `exit ${code}`]);
      expect(result).toMatchObject({ exitCode: code, signal: null, coreDumped: false });
    });
  }

  for (const [signal, number] of [
    ["SIGKILL", 9],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
    ["SIGUSR2", 12],
  ] as const) {
    it(`by ${signal} is told as that`, async () => {
      // A pid namespace's process 1 is not killed by signals that it has no handler for, so it has none here.
      await using container = await host.create({});
      const process = await container.start(["/bin/sleep", "60"]);
      await process.kill(signal);
      expect(await process.wait()).toMatchObject({ exitCode: 128 + number, signal });
    });
  }

  it("tells processor time and memory in the units that it says", async () => {
    const script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    const result = await capture(host, isolated(), ["/bin/sh", "-c", script]);
    expect(result.userTime).toBeGreaterThan(0.01);
    expect(result.userTime).toBeLessThan(60);
    expect(result.maxRss).toBeGreaterThan(100_000);
    expect(result.maxRss).toBeLessThan(100_000_000);
  });

  it("is awaited as often as one likes, also after it", async () => {
    await using container = await host.create({});
    const process = await container.start(["/bin/sh", "-c", "exit 3"]);
    expect((await process.wait()).exitCode).toBe(3);
    expect((await process.wait()).exitCode).toBe(3);
    await expect(process.kill()).rejects.toMatchObject({ errno: "ESRCH" });
  });

  it("lets the container be started again", async () => {
    await using container = await host.create(isolated());
    for (const word of ["one", "two"]) {
      const process = await container.start(["/bin/echo", word]);
      expect(await waitForOutput(process, "\n")).toBe(`${word}\n`);
      await process.wait();
    }
  });
});

describe("streams", () => {
  it("stdin goes through to its end, 200 MB of it, without filling the memory of this process", async () => {
    await using container = await host.create({});
    const process = await container.start(["/bin/cat"], { stdin: "pipe" });
    const chunk = Buffer.alloc(1 << 20, "x");
    const total = 200;
    let received = 0;
    const before = ownMemory("VmRSS");
    let most = 0;
    const reading = (async () => {
      for await (const part of process.stdout ?? []) {
        received += (part as Uint8Array).length;
        if (received % (16 << 20) < part.length) most = Math.max(most, ownMemory("VmRSS"));
      }
    })();
    for (let sent = 0; sent < total; sent++) {
      if (process.stdin?.write(chunk) === false) await new Promise((resolve) => process.stdin?.once("drain", resolve));
    }
    process.stdin?.end();
    await reading;
    expect((await process.wait()).exitCode).toBe(0);
    expect(received).toBe(total << 20);
    expect(most - before).toBeLessThan(100 << 20);
  });

  it("stdout is complete when the process is gone before it is read", async () => {
    await using container = await host.create(isolated());
    const process = await container.start(["/bin/sh", "-c", "seq 1 5000"]);
    await delay(50);
    let text = "";
    for await (const part of process.stdout ?? []) text += Buffer.from(part as Uint8Array).toString();
    expect(text.trim().split("\n")).toHaveLength(5000);
    expect((await process.wait()).exitCode).toBe(0);
  });

  it("stdout is complete when it is large", async () => {
    const result = await capture(host, isolated(), ["/bin/sh", "-c", "seq 1 1000000"]);
    expect(result.stdout.length).toBe(6_888_896);
    expect(result.stdout.endsWith("1000000\n")).toBe(true);
  });

  it("a reader that stops reading stops the writer, and the container still ends", async () => {
    await using container = await host.create({});
    const process = await container.start(["/usr/bin/yes"]);
    await waitForOutput(process, "y\n");
    process.stdout?.destroy();
    // SIGPIPE, as in a shell's pipeline.
    expect(await process.wait()).toMatchObject({ signal: "SIGPIPE" });
  });

  it("stderr is apart from stdout", async () => {
    const result = await capture(host, isolated(), ["/bin/sh", "-c", "echo out; echo err >&2"]);
    expect(result).toMatchObject({ stdout: "out\n", stderr: "err\n" });
  });

  it("lines come one by one, also the last one without an end", async () => {
    await using container = await host.create({});
    const process = await container.start(["/bin/printf", "ä\\n\\nlast"]);
    const lines: string[] = [];
    for await (const line of process.stdout?.lines() ?? []) lines.push(line);
    expect(lines).toEqual(["ä", "", "last"]);
  });

  it("that are ignored are /dev/null, and there is nothing else open", async () => {
    await using container = await host.create(isolated());
    const process = await container.start(
      ["/bin/sh", "-c", "cat; echo lost; stat -L -c %t:%T /proc/1/fd/0 >&2; ls /proc/self/fd >&2"],
      {
        stdin: "ignore",
        stdout: "ignore",
      },
    );
    expect(process.stdout).toBeNull();
    expect(process.stdin).toBeNull();
    let text = "";
    for await (const part of process.stderr ?? []) text += Buffer.from(part as Uint8Array).toString();
    // 3 is the directory that ls itself reads.
    expect(text).toBe("1:3\n0\n1\n2\n3\n");
    await process.wait();
  });

  it("that are inherited are those of the application", async () => {
    const script = `
      await using host = await openHost();
      await using container = await host.create({ namespaces: ["uts"] });
      const process_ = await container.start(["/bin/sh", "-c", "echo '\\"from inside\\"'; readlink /proc/self/fd/0"], { stdin: "inherit", stdout: "inherit" });
      report([process_.stdin, process_.stdout]);
      report((await process_.wait()).exitCode);`;
    const child = spawnScript(script, temporaryIn("inherit"));
    let text = "";
    for await (const part of child.stdout) text += String(part);
    expect(text).toContain('"from inside"\n');
    expect(text).toContain("/dev/null\n");
    expect(text).toContain("[null,null]\n");
  });

  it("/dev/stdout can be opened by an ordinary user of the container", async () => {
    const spec: ContainerSpec = { root: overlay({ lower: [rootfs] }), ...standard({ userNamespace: false }) };
    expect(
      await shell(host, spec, "echo hi > /dev/stdout; echo ho > /dev/stderr; id -u", {
        user: { uid: 1000, gid: 1000 },
      }),
    ).toBe("hi\n1000");
  });
});

function temporaryIn(name: string): string {
  const path = join(work, name);
  mkdirSync(path);
  return path;
}

const IDS = "id -u; id -g; id -G; umask";

describe("the user", () => {
  const user = (value: ProcessSpec["user"], spec = isolated()) =>
    value === undefined ? shell(host, spec, IDS) : shell(host, spec, IDS, { user: value });

  it("is taken by ids, with groups and umask", async () => {
    expect(await user({ uid: 1000, gid: 1001, additionalGids: [50, 60], umask: 0o077 })).toBe(
      "1000\n1001\n1001 50 60\n0077",
    );
  });

  it("has no groups of the caller left", async () => {
    expect(await user({ uid: 7, gid: 8 })).toBe("7\n8\n8\n0022");
  });

  for (const [name, seen] of [
    ["app", "1000\n1001\n1001 29 50\n0022"],
    ["app:staff", "1000\n50\n50\n0022"],
    ["app:77", "1000\n77\n77\n0022"],
    ["4444", "4444\n0\n0\n0022"],
    ["4444:55", "4444\n55\n55\n0022"],
    ["1000:staff", "1000\n50\n50\n0022"],
    ["root", "0\n0\n0 29\n0022"],
  ] as const) {
    it(`"${name}" is looked up in the container's own passwd and group`, async () => {
      expect(await user(name)).toBe(seen);
      expect(await user(name, { ...isolated(), root: rootfs, namespaces: ["mount", "pid", "user"] })).toBe(seen);
    });
  }

  for (const name of ["nobody-there", "app:nobody-there"]) {
    it(`"${name}" is an error that says where it was looked for`, async () => {
      await expect(user(name)).rejects.toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "process.user" });
    });
  }

  describe("of an image with a hostile passwd", () => {
    const hostile = (prepare: (etc: string) => void): ContainerSpec => {
      const root = makeRoot(temporaryIn(`hostile-${hostileRoots++}`));
      unlinkSync(join(root, "etc/passwd"));
      prepare(join(root, "etc"));
      return { root: dir(root), namespaces: ["mount", "pid"] };
    };
    let hostileRoots = 0;

    for (const [what, prepare] of [
      ["a FIFO", (etc) => execFileSync("mkfifo", [join(etc, "passwd")])],
      ["a directory", (etc) => mkdirSync(join(etc, "passwd"))],
      ["missing", () => undefined],
      [
        "a link to the host's shadow, which inside is not there",
        (etc) => symlinkSync("/etc/shadow", join(etc, "passwd")),
      ],
      ["a loop of links", (etc) => symlinkSync("passwd", join(etc, "passwd"))],
      [
        "a sparse file of 1 GB",
        (etc) => {
          writeFileSync(join(etc, "passwd"), "");
          truncateSync(join(etc, "passwd"), 1 << 30);
        },
      ],
      [
        "full of entries with ids that are none",
        (etc) => writeFileSync(join(etc, "passwd"), "app:x:-1:-1::/:\napp:x:0x7:0::/:\n"),
      ],
    ] as readonly (readonly [string, (etc: string) => void])[]) {
      it(`(${what}) is an error, and does not wait for anything`, { timeout: 10_000 }, async () => {
        const spec = hostile(prepare);
        await expect(capture(host, spec, { args: ["/bin/true"], user: "app" })).rejects.toMatchObject({
          member: "process.user",
        });
      });
    }

    it("(a link out of the root) is not followed to the host", async () => {
      const name = "canary-user";
      const outside = join(work, "outside-passwd");
      writeFileSync(outside, `${name}:x:0:0::/:\n`);
      const spec = hostile((etc) => symlinkSync(`../../../../../../../..${outside}`, join(etc, "passwd")));
      await expect(capture(host, spec, { args: ["/bin/true"], user: name })).rejects.toMatchObject({
        member: "process.user",
      });
    });
  });
});

describe("what a process has", () => {
  it("a working directory", async () => {
    expect(await shell(host, isolated(), "pwd", { cwd: "/tmp" })).toBe("/tmp");
    expect(await shell(host, { namespaces: ["uts"] }, "pwd", { cwd: "/usr/lib" })).toBe("/usr/lib");
  });

  it("no working directory that is missing, or that only the host has", async () => {
    for (const cwd of ["/missing", work]) {
      await expect(capture(host, isolated(), { args: ["/bin/true"], cwd })).rejects.toMatchObject({
        code: "ERR_CT_SYSCALL",
        syscall: "chdir",
        errno: "ENOENT",
        path: cwd,
        member: "process.cwd",
      });
    }
  });

  it("no working directory outside the root, whatever descriptor leads there", async () => {
    for (let fd = 3; fd < 24; fd++) {
      const error = await capture(host, isolated(), { args: ["/bin/true"], cwd: `/proc/self/fd/${fd}` }).catch(
        (cause: unknown) => cause,
      );
      expect(error, `descriptor ${fd}`).toMatchObject({ code: "ERR_CT_SYSCALL", member: "process.cwd" });
    }
  });

  it("the environment that was asked for and nothing of the caller's", async () => {
    const given = await capture(host, isolated(), { args: ["/bin/env"], env: { B: "2 =x\n", A: "", Ä: "ö" } });
    expect(given.stdout).toBe("B=2 =x\n\nA=\nÄ=ö\n");
    const none = await capture(host, isolated(), ["/bin/env"]);
    expect(none.stdout).toBe("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
  });

  it("its command from the PATH of its own environment", async () => {
    expect((await capture(host, isolated(), { args: ["echo", "x"], env: { PATH: "/nowhere:/bin" } })).stdout).toBe(
      "x\n",
    );
    await expect(capture(host, isolated(), { args: ["echo"], env: { PATH: "/nowhere" } })).rejects.toMatchObject({
      code: "ERR_CT_COMMAND_NOT_FOUND",
    });
    await expect(capture(host, isolated(), ["/etc/passwd"])).rejects.toMatchObject({
      code: "ERR_CT_COMMAND_NOT_EXECUTABLE",
    });
  });

  it("resource limits", async () => {
    const rlimits = [
      { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
      { type: "RLIMIT_CORE", soft: 0, hard: 0 },
      { type: "RLIMIT_CPU", soft: 1000, hard: 2000 },
    ];
    const seen = await shell(
      host,
      isolated(),
      "grep -E 'open files|core file|cpu time' /proc/self/limits | tr -s ' '",
      { rlimits },
    );
    expect(seen.split("\n").map((line) => line.trim())).toEqual([
      "Max cpu time 1000 2000 seconds",
      "Max core file size 0 0 bytes",
      "Max open files 100 200 files",
    ]);
  });

  it("the caller's own limits of open files when none are asked for", async () => {
    const own = /^Max open files.*$/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[0];
    // Node raises its soft limit to the hard one; the hard limit is what a container may have.
    const seen = await shell(host, isolated(), "grep 'Max open files' /proc/self/limits");
    expect(seen.trim().split(/\s+/)[4]).toBe(own?.trim().split(/\s+/)[4]);
  });

  it("an OOM score", async () => {
    expect(await shell(host, isolated(), "cat /proc/self/oom_score_adj", { oomScoreAdj: 777 })).toBe("777");
  });

  it("a session keyring of its own", async () => {
    const keyring = async (newSessionKeyring: boolean) =>
      shell(host, isolated(), "grep _ses /proc/keys | cut -d' ' -f1 | sort", { newSessionKeyring });
    expect(await keyring(true)).not.toBe(await keyring(true));
  });

  it("a personality", async () => {
    // Not every kernel calls its machine otherwise then: what another program sees is what is to be seen.
    const machine = execFileSync("setarch", ["linux32", "uname", "-m"], { encoding: "utf8" }).trim();
    const seen = await shell(host, isolated(), "uname -m; cat /proc/self/personality", { personality: "LINUX32" });
    expect(seen).toBe(`${machine}\n00000008`);
  });

  it("no signal blocked or ignored", async () => {
    const { stdout } = await capture(host, isolated(), ["/bin/grep", "-E", "SigBlk|SigIgn", "/proc/1/status"]);
    expect(stdout.replace(/\t/g, "")).toBe("SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
  });
});

describe("a terminal", () => {
  const spec = (): ContainerSpec => ({
    ...isolated(),
    mounts: [
      { destination: "/proc", type: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs" },
      { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"] },
    ],
    links: [{ path: "/dev/ptmx", target: "pts/ptmx" }],
    devices: [{ path: "/dev/tty", type: "c", major: 5, minor: 0 }],
  });

  it("is what the process has as its streams, of the size that was asked for, and can be resized", async () => {
    await using container = await host.create(spec());
    const script =
      "tty; stty size; trap 'stty size; exit 5' WINCH; echo ready > /dev/tty; while true; do sleep 0.05; done";
    const process = await container.start(
      { args: ["/bin/sh", "-c", script], terminal: true, consoleSize: { width: 120, height: 33 } },
      { stdin: "pipe" },
    );
    expect(process.stderr).toBeNull();
    expect(await waitForOutput(process, "ready")).toMatch(/^\/dev\/pts\/0\r\n33 120\r\n/);
    await process.resize(77, 22);
    expect(await waitForOutput(process, "77")).toContain("22 77");
    expect(await process.wait()).toMatchObject({ exitCode: 5 });
  });

  it("takes input, echoes it, sends signals for keys, and ends with its input", async () => {
    await using container = await host.create(spec());
    const process = await container.start({ args: ["/bin/cat"], terminal: true }, { stdin: "pipe" });
    process.stdin?.write("hello\n");
    expect(await waitForOutput(process, "hello\r\nhello\r\n")).toBe("hello\r\nhello\r\n");
    process.stdin?.end();
    expect((await process.wait()).exitCode).toBe(0);
  });

  it("sends SIGINT for control-C", async () => {
    await using container = await host.create(spec());
    const process = await container.start(
      {
        args: ["/bin/sh", "-c", "trap 'echo interrupted; exit 9' INT; echo ready; while true; do sleep 0.05; done"],
        terminal: true,
      },
      { stdin: "pipe" },
    );
    await waitForOutput(process, "ready");
    process.stdin?.write("\x03");
    expect(await waitForOutput(process, "interrupted")).toContain("interrupted");
    expect((await process.wait()).exitCode).toBe(9);
  });

  it("loses no output of a process that ends at once", async () => {
    for (let round = 0; round < 10; round++) {
      const result = await capture(host, spec(), { args: ["/bin/sh", "-c", "seq 1 20000"], terminal: true });
      expect(result.stdout.length).toBe(128_894);
    }
  });

  it("belongs to the process's user, in a user namespace too", async () => {
    for (const namespaces of [
      ["mount", "pid"],
      ["mount", "pid", "user"],
    ] as const) {
      const { devices: _none, ...rest } = spec();
      const result = await capture(
        host,
        { ...rest, root: rootfs, namespaces },
        { args: ["/bin/sh", "-c", "stat -c %u $(tty)"], terminal: true, user: { uid: 1000, gid: 1001 } },
      );
      expect(result.stdout).toBe("1000\r\n");
    }
  });
});

describe("starting and stopping", () => {
  it("two starts at once: one is refused", async () => {
    await using container = await host.create(isolated());
    const results = await Promise.allSettled([
      container.start(["/bin/sleep", "60"]),
      container.start(["/bin/sleep", "60"]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(results[1]).toMatchObject({ reason: { code: "ERR_CT_STATE" } });
  });

  it("a container that is gone is not started", async () => {
    const container = await host.create(isolated());
    await container[Symbol.asyncDispose]();
    await expect(container.start(["/bin/true"])).rejects.toMatchObject({ code: "ERR_CT_STATE" });
  });

  it("a container that goes while it is started leaves nothing", async () => {
    const container = await host.create(isolated());
    const starting = container.start(["/bin/sleep", "60"]);
    await container[Symbol.asyncDispose]();
    await expect(starting.then((process) => process.wait())).rejects.toMatchObject({ code: "ERR_CT_STATE" });
  });

  it("disposing twice is no harm to another container of the same name", async () => {
    const first = await host.create({ name: "twice" });
    await first[Symbol.asyncDispose]();
    await using second = await host.create({ name: "twice" });
    await first[Symbol.asyncDispose]();
    expect(host.containers).toContain(second);
  });

  it("a name is used once at a time", async () => {
    await using container = await host.create({ name: "only" });
    expect(container.name).toBe("only");
    await expect(host.create({ name: "only" })).rejects.toMatchObject({ code: "ERR_CT_NAME_IN_USE" });
  });

  it("an AbortSignal kills the process", async () => {
    await using container = await host.create(isolated());
    const abort = new AbortController();
    const process = await container.start(["/bin/sleep", "60"], { signal: abort.signal });
    abort.abort();
    expect(await process.wait()).toMatchObject({ signal: "SIGKILL" });
  });

  it("an AbortSignal that fires before or during the start lets it fail", async () => {
    await using container = await host.create(isolated());
    await expect(container.start(["/bin/sleep", "60"], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "ERR_CT_ABORTED",
    });
    const abort = new AbortController();
    const starting = container.start(["/bin/sleep", "60"], { signal: abort.signal });
    abort.abort();
    await expect(starting).rejects.toMatchObject({ code: "ERR_CT_ABORTED" });
    // The container is as before.
    const process = await container.start(["/bin/true"]);
    expect((await process.wait()).exitCode).toBe(0);
  });

  it("a signal that does not exist is refused, and the process lives on", async () => {
    await using container = await host.create({});
    const process = await container.start(["/bin/sleep", "60"]);
    await expect(process.kill("SIGNONE" as NodeJS.Signals)).rejects.toMatchObject({ code: "ERR_CT_USAGE" });
    await expect(process.kill(1000)).rejects.toMatchObject({ errno: "EINVAL" });
    await process.kill(0);
  });

  it("fifty containers at once are all run, and each has its own output", async () => {
    const all = Array.from({ length: 50 }, (_, index) => shell(host, isolated(), `hostname; echo ${index}`));
    const seen = await Promise.all(all);
    expect(seen.map((text) => text.split("\n")[1])).toEqual(seen.map((_, index) => String(index)));
  });
});

describe("this process and the executor", () => {
  const descriptors = () =>
    [`/proc/${process.pid}/fd`, `/proc/${host.executorPid}/fd`].map((path) => readdirSync(path).length);

  it("have as many descriptors after containers as before, also after those whose output nobody reads and those that fail", async () => {
    const round = async () => {
      await capture(host, isolated(), ["/bin/echo", "x"]);
      await using unread = await host.create(isolated());
      await (await unread.start(["/bin/sh", "-c", "echo x; echo y >&2"], { stdin: "pipe" })).wait();
      await expect(capture(host, isolated(), ["/missing"])).rejects.toThrow("not found");
      await expect(capture(host, isolated(), { args: ["/bin/true"], cwd: "/missing" })).rejects.toThrow("chdir");
      await expect(
        capture(host, isolated(), { args: ["/bin/true"], user: "missing" }, { stdin: "pipe" }),
      ).rejects.toThrow("missing");
    };
    await round();
    await delay(50);
    const before = descriptors();
    for (let count = 0; count < 10; count++) await round();
    await vi.waitFor(() => expect(descriptors()).toEqual(before));
  });

  it("take large commands and environments, and refuse what is too large with an error of theirs", async () => {
    const env = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`NAME${index}`, "v".repeat(10_000)]));
    const args = [
      "/bin/sh",
      "-c",
      'echo $#; echo "$1$NAME49" | wc -c',
      "sh",
      "a".repeat(131_000),
      ...Array.from({ length: 5000 }, String),
    ];
    const result = await capture(host, isolated(), { args, env });
    expect(result.stdout).toBe("5001\n141001\n");
    await expect(capture(host, isolated(), ["/bin/echo", "a".repeat(140_000)])).rejects.toMatchObject({
      errno: "E2BIG",
    });
    const huge = Array.from({ length: 100 }, (_, index) => String(index).padEnd(100_000, "a"));
    await expect(capture(host, isolated(), ["/bin/echo", ...huge])).rejects.toMatchObject({
      code: "ERR_CT_INVALID_SPEC",
    });
  });

  it("refuse a lower OOM score or a higher limit than the caller may set with the kernel's error and a hint", async () => {
    const hard = Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]);
    const rlimits = [{ type: "RLIMIT_NOFILE", soft: 10, hard: hard * 2 }];
    const spec: ContainerSpec = { ...isolated(), root: rootfs, namespaces: ["mount", "pid", "user"] };
    await expect(capture(host, spec, { args: ["/bin/true"], rlimits })).rejects.toMatchObject({
      errno: "EPERM",
      member: "process.rlimits[0]",
      hint: expect.stringContaining("CAP_SYS_RESOURCE"),
    });
  });
});

describe("when the application is killed", () => {
  const canImage = hasUserImages() && hasUserOverlays();
  /** Its seconds tell the processes of this test from all others. */
  const seconds = 1_000_000 + process.pid;
  const script = (directory: string) => `
    const host = await openHost();
    const [plain, mapped] = [ct.standard({ userNamespace: false }), ct.standard({ userNamespace: true })];
    const specs = [
      { ...plain, root: ct.overlay({ lower: ["${rootfs}"] }), resources: { pids: { limit: 50 } } },
      { namespaces: ["network", "ipc"] },
      { ...${canImage ? "mapped" : "plain"}, root: ct.image("${directory}/root.img") },
      { ...mapped, root: ct.fuseOverlay({ lower: ["${rootfs}"] }) },
      {},
    ];
    for (const spec of specs) {
      const container = await host.create(spec);
      const process_ = await container.start(["/bin/sh", "-c", "trap '' TERM; setsid sleep ${seconds} & sleep ${seconds} & echo up; wait"]);
      await waitForOutput(process_, "up");
    }
    report("ready");
    setInterval(() => undefined, 1000);`;

  it("with SIGKILL nothing of its containers stays", async () => {
    const before = takeInventory();
    const directory = temporaryIn("killed");
    execFileSync("mksquashfs", [rootfs, `${directory}/root.img`, "-quiet", "-no-progress"], { stdio: "pipe" });
    const child = spawnScript(script(directory), directory);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    try {
      await waitForReady(child);
      // A shell's child is still a shell for a moment.
      await vi.waitFor(() => expect(processesOf(`sleep\0${seconds}\0`)).toHaveLength(10));
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    await expectNothingLeft(before);
    expect(processesOf(`sleep\0${seconds}\0`)).toEqual([]);
  });
});

/** Waits until the script has reported "ready". */
function waitForReady(child: ReturnType<typeof spawnScript>): Promise<void> {
  return new Promise((resolve, reject) => {
    let [text, errors] = ["", ""];
    child.stderr.on("data", (part: Buffer) => {
      errors += part.toString();
    });
    child.stdout.on("data", (part: Buffer) => {
      text += part.toString();
      if (text.includes("ready")) resolve();
    });
    child.once("exit", () => reject(new Error(`ended: ${text}${errors}`)));
  });
}

/** The ids of the processes with this command line. */
const processesOf = (commandLine: string): string[] =>
  readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8") === commandLine;
    } catch {
      return false; // It has ended meanwhile.
    }
  });

describe("on Bun", () => {
  it("the same library runs: streams, user, exit status", () => {
    const directory = temporaryIn("bun");
    const program = join(directory, "smoke.ts");
    const index = new URL("../../src/index.ts", import.meta.url).pathname;
    writeFileSync(
      program,
      `import { Host } from ${JSON.stringify(index)};
       await using host = await Host.open();
       await using container = await host.create({ root: ${JSON.stringify(rootfs)}, namespaces: ["mount", "pid", "user"] });
       const child = await container.start({ args: ["/bin/sh", "-c", "id -u; cat; exit 7"], user: "app" }, { stdin: "pipe" });
       child.stdin?.end("input\\n".repeat(20000));
       let length = 0;
       for await (const line of child.stdout?.lines() ?? []) length += line.length + 1;
       console.log(length, (await child.wait()).exitCode);`,
    );
    const bun = new URL("../../node_modules/.bin/bun", import.meta.url).pathname;
    expect(execFileSync(bun, [program], { encoding: "utf8" })).toBe("120005 7\n");
  });
});
