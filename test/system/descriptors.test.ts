import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Container, type ContainerSpec, Host, type Process, standard } from "../../src/index.ts";
import { runScript } from "../support/as-user.ts";
import { outcome } from "../support/capture.ts";
import { auditEachTest } from "../support/leaks.ts";
import { busyboxRoot, playground, remove } from "../support/playground.ts";

auditEachTest();
const directory = playground();
const root = busyboxRoot(`${directory}/rootfs`);
const stateDirectory = `${directory}/state`;
const executor = process.env.LIBCT_TEST_EXECUTOR;
const SPEC: ContainerSpec = { ...standard({ userNamespace: false }), root };

let host: Host;
beforeAll(async () => {
  host = await Host.open({ stateDirectory, ...(executor ? { executor } : {}) });
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  remove(directory);
});

const [letter, answer] = [`${directory}/letter`, `${directory}/answer`];

/** Two files, open for reading and for writing, in an order that is not that of their numbers. */
function files() {
  writeFileSync(letter, "from outside\n");
  writeFileSync(answer, "");
  const [write, read] = [openSync(answer, "w"), openSync(letter, "r")];
  const close = () => {
    for (const fd of [read, write]) closeSync(fd);
  };
  return { fds: [read, write], [Symbol.dispose]: close };
}

/** What is open in the shell: the list is made by itself, so it opens no directory for it. */
const LIST =
  'for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do [ -e /proc/self/fd/$n ] && printf "$n "; done; cat <&3; echo from inside >&4';
const script = (text = LIST): [string, string, string] => ["/bin/sh", "-c", text];
const SEEN = "0 1 2 3 4 from outside\n";

const expectPassed = async (child: Process) => {
  expect(await outcome(child)).toMatchObject({ exitCode: 0, stdout: SEEN });
  expect(readFileSync(answer, "utf8")).toBe("from inside\n");
};

describe("descriptors of the application", () => {
  it("are 3, 4 and so on in the first process, and nothing else is open there", async () => {
    using passed = files();
    await using container = await host.create(SPEC);
    await expectPassed(await container.start(script(), { fds: passed.fds }));
  });

  it("are so in a process that enters, in namespaces and users of every kind", async () => {
    const specs: readonly ContainerSpec[] = [SPEC, { ...standard({ userNamespace: true }), root }, {}];
    for (const spec of specs) {
      using passed = files();
      await using container = await host.create(spec);
      await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
      await expectPassed(await container.exec(script(), { fds: passed.fds }));
    }
  });

  it("are passed when the container's filter forbids all that is not needed any more", async () => {
    using passed = files();
    const seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["fcntl"], action: "SCMP_ACT_ERRNO" }],
    } as const;
    await using container = await host.create({ ...SPEC, seccomp });
    const child = await container.start(["/bin/cat", "/proc/self/fd/3"], { fds: passed.fds });
    expect(await outcome(child)).toMatchObject({ exitCode: 0, stdout: "from outside\n" });
  });

  it("share their position with the application, and are its own to close", async () => {
    using passed = files();
    await using container = await host.create(SPEC);
    await outcome(await container.start(["/bin/head", "-c", "5", "/dev/null"], { fds: passed.fds }));
    const child = await container.start(script("dd bs=1 count=5 <&3 2>/dev/null"), { fds: passed.fds });
    expect((await outcome(child)).stdout).toBe("from ");
    expect(readFileSync(passed.fds[0] ?? -1, "utf8")).toBe("outside\n");
  });

  it("are still there after a restart, and when the application has let go of them", async () => {
    const restart = { policy: "on-failure", maximumRetryCount: 1 } as const;
    let container: Container;
    {
      using passed = files();
      container = await host.create({ ...SPEC, name: "passed", lifetime: "host", restart });
      await container.start(script("echo run >&4; exit 1"), { fds: passed.fds });
    }
    await container.wait();
    expect(readFileSync(answer, "utf8")).toBe("run\nrun\n");
    await container.remove();
  });

  it("must be open, and a failure of the command is told as ever", async () => {
    await using container = await host.create(SPEC);
    await expect(container.start(["/bin/true"], { fds: [0, 4321] })).rejects.toMatchObject({ member: "fds[1]" });
    using passed = files();
    await expect(container.start(["/no/such"], { fds: passed.fds })).rejects.toMatchObject({
      code: "ERR_CT_COMMAND_NOT_FOUND",
    });
    await expect(container.start(["/bin/true"], { fds: Array(65).fill(0) })).rejects.toMatchObject({ member: "fds" });
  });

  it("leave neither executors nor descriptors behind", async () => {
    const before = readdirSync("/proc/self/fd").length;
    using passed = files();
    await using container = await host.create(SPEC);
    await outcome(await container.start(["/bin/true"], { fds: passed.fds }));
    await expect.poll(() => readdirSync("/proc/self/fd").length).toBe(before + 2);
  });
});

describe("an ordinary user's descriptors", () => {
  it("are passed, too", async () => {
    const report = await runScript(
      `const fs = await import("node:fs");
       const host = await ct.Host.open({ executor: process.env.LIBCT_TEST_EXECUTOR });
       const container = await host.create({ namespaces: ["user", "mount", "pid"] });
       const fd = fs.openSync("/proc/self/comm", "r");
       const child = await container.start(["/bin/cat", "/proc/self/fd/3"], { fds: [fd] });
       for await (const line of child.stdout.lines()) report({ line });
       await host[Symbol.asyncDispose]();`,
      directory,
    );
    expect(report).toMatchObject([{ line: expect.any(String) }]);
  });
});

describe("in Bun", () => {
  it("descriptors are passed as in Node", () => {
    using passed = files();
    const program = `${directory}/passing.ts`;
    writeFileSync(
      program,
      `import { openSync } from "node:fs";
       import { Host, standard } from "${new URL("../../src/index.ts", import.meta.url).pathname}";
       const host = await Host.open();
       const fds = [openSync("${letter}", "r"), openSync("${answer}", "w")];
       const container = await host.create({ ...standard({ userNamespace: false }), root: "${root}" });
       const child = await container.start(["/bin/sh", "-c", ${JSON.stringify(LIST)}], { fds });
       let text = "";
       for await (const line of child.stdout.lines()) text += line + "\\n";
       process.stdout.write(text);
       await host[Symbol.asyncDispose]();`,
    );
    const bun = new URL("../../node_modules/.bin/bun", import.meta.url).pathname;
    const { stdout, stderr } = spawnSync(bun, [program], { encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({ stdout: SEEN, stderr: "" });
    expect(passed.fds).toHaveLength(2);
  });
});

describe("ct --preserve-fds", () => {
  const ct = (shell: string) => {
    const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
    const bun = new URL("../../node_modules/.bin/bun", import.meta.url).pathname;
    const env = { ...process.env, CT: `${bun} ${main} --root ${stateDirectory}`, ROOT: root };
    return spawnSync("/bin/sh", ["-c", shell], { encoding: "utf8", env });
  };

  it("gives run and exec what the shell has opened", () => {
    using _ = files();
    expect(ct(`$CT run --preserve-fds 2 $ROOT -- /bin/sh -c '${LIST}' 3<${letter} 4>${answer}`).stdout).toBe(SEEN);
    const shell = `$CT run -d --name keeper $ROOT -- sleep 1000 >/dev/null; $CT exec --preserve-fds 1 keeper -- cat /proc/self/fd/3 3<${letter}; $CT rm --force keeper >/dev/null`;
    expect(ct(shell)).toMatchObject({ stdout: "from outside\n", stderr: "" });
  });

  it("says which descriptor ct was not given", () => {
    expect(ct("$CT run --preserve-fds 60 $ROOT -- true").stderr).toMatch(/ct was started without descriptor \d+/);
  });
});
