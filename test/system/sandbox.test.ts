import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunResult, SandboxOptions } from "../../src/index.ts";
import { hasLandlock } from "../support/kernel.ts";
import { compileC, type Failed, inProcess, playground, remove, traces } from "../support/playground.ts";

/** Connects by TCP to a port of 127.0.0.1, or to a Unix socket whose name (abstract with an @) is given; prints what came of it. */
const CONNECT = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
int main(int argc, char **argv) {
  int port = atoi(argv[1]), fd = socket(port ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return puts(strerrorname_np(errno)), 0;
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  strcpy(un.sun_path, argv[1]);
  if (argv[1][0] == '@') un.sun_path[0] = 0;
  socklen_t size = port ? sizeof in : offsetof(struct sockaddr_un, sun_path) + strlen(argv[1]);
  puts(connect(fd, port ? (void *) &in : (void *) &un, size) ? strerrorname_np(errno) : "connected");
}`;
/** Touches the memory that it asks for. */
const HOG = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
  for (int i = 0; i < 400; i++) { char *p = malloc(1 << 20); if (!p) return puts("refused"), 9; memset(p, i + 1, 1 << 20); }
  puts("had it all");
}`;

const withLandlock = hasLandlock();
const UID = 12345;
let place: string;
let home: string;
let connect: string;
let hog: string;
let crash: string;
let tcp: Server;
let abstract: Server;
let port: number;
let before: unknown;
const ABSTRACT = `@libct-test-${process.pid}`;

/** A place of its own outside /tmp, which is private in a sandbox. */
beforeAll(async () => {
  before = traces();
  place = playground("/var/lib");
  connect = compileC(CONNECT, `${place}/connect`);
  hog = compileC(HOG, `${place}/hog`);
  crash = compileC("int main(void) { *(volatile int *)0 = 0; }", `${place}/crash`);
  home = `${place}/home`;
  for (const path of [
    home,
    `${home}/.ssh`,
    `${home}/.aws`,
    `${home}/project`,
    `${home}/elsewhere`,
    `${place}/plain`,
    `${place}/work`,
  ])
    mkdirSync(path);
  writeFileSync(`${home}/.ssh/id_ed25519`, "secret key");
  writeFileSync(`${home}/.netrc`, "secret password");
  writeFileSync(`${home}/elsewhere/key`, "secret elsewhere");
  symlinkSync(`${home}/elsewhere`, `${home}/.gnupg`);
  writeFileSync(`${home}/notes`, "notes");
  mkdirSync(`${place}/work/.git`);
  for (const path of [
    home,
    `${home}/.ssh`,
    `${home}/.aws`,
    `${home}/project`,
    `${home}/elsewhere`,
    `${place}/plain`,
    `${place}/work`,
  ]) {
    chownSync(path, UID, UID);
    chmodSync(path, 0o777);
  }
  tcp = createServer((socket) => socket.end());
  abstract = createServer((socket) => socket.end());
  await new Promise<void>((done) => tcp.listen(0, "127.0.0.1", done));
  await new Promise<void>((done) => abstract.listen(ABSTRACT.replace("@", "\0"), done));
  port = (tcp.address() as { port: number }).port;
});
afterAll(() => {
  tcp.close();
  abstract.close();
  remove(place);
  expect(traces()).toEqual(before);
});

interface Who {
  readonly uid: number | undefined;
  readonly isolation: "namespaces" | "landlock";
}
const CASES: readonly Who[] = [
  { uid: undefined, isolation: "namespaces" },
  { uid: UID, isolation: "namespaces" },
  { uid: undefined, isolation: "landlock" },
  { uid: UID, isolation: "landlock" },
];

const run = (
  who: Who,
  args: readonly string[],
  sandbox: SandboxOptions = {},
  options: object = {},
  env: Readonly<Record<string, string>> = {},
) =>
  inProcess<RunResult>(
    `return host.run(${JSON.stringify(args)}, ${JSON.stringify({ ...options, sandbox: { isolation: who.isolation, ...sandbox } })});`,
    { ...(who.uid === undefined ? {} : { uid: who.uid }), env: { HOME: home, ...env } },
  );
const sh = (script: string) => ["sh", "-c", script];

for (const who of CASES) {
  const name = `${who.isolation}, as ${who.uid === undefined ? "root" : "an ordinary user"}`;
  const read = async (path: string, sandbox: SandboxOptions = {}) => (await run(who, ["cat", path], sandbox)).stdout;

  describe.runIf(who.isolation === "namespaces" || withLandlock)(`the sandbox by ${name}`, () => {
    it("runs the machine's programs, which it cannot change", async () => {
      const result = await run(
        who,
        sh(
          `id -u; for f in /usr/libct-test /etc/libct-test ${home}/libct-test ${place}/plain/libct-test; do echo x > $f; done; exit 3`,
        ),
      );
      expect(result).toMatchObject({ exitCode: 3, stdout: `${who.uid ?? 0}\n`, reason: "exit" });
      for (const path of ["/usr", "/etc", home, `${place}/plain`]) expect(existsSync(`${path}/libct-test`)).toBe(false);
    });

    it("hides secrets, also behind symbolic links and in a workspace", async () => {
      const secrets = `cat ${home}/.ssh/* ${home}/.netrc ${home}/.gnupg/key ${home}/elsewhere/key /etc/shadow; ls /root`;
      expect((await run(who, sh(secrets))).stdout).toBe("");
      if (who.isolation === "namespaces") expect((await run(who, sh(secrets), { workspace: home })).stdout).toBe("");
    });

    it("shows a hidden path that is allowed, and still does not let it be written to", async () => {
      const key = `${home}/.ssh/id_ed25519`;
      expect(await read(key, { allowRead: [`${home}/.ssh`] })).toBe("secret key");
      expect(await read(key, { allowRead: [key] })).toBe("secret key");
      await run(who, sh(`echo x > ${key}`), { allowRead: [`${home}/.ssh`] });
      expect(readFileSync(key, "utf8")).toBe("secret key");
    });

    it("writes to the workspace, at its own path, and to what is allowed", async () => {
      const options = { workspace: `${place}/work`, allowWrite: [`${home}/project`] };
      const result = await run(who, sh(`pwd; echo a > made; echo b > ${home}/project/made; cat made`), options);
      expect(result.stdout).toBe(`${place}/work\na\n`);
      expect(readFileSync(`${home}/project/made`, "utf8")).toBe("b\n");
      remove(`${place}/work/made`);
      remove(`${home}/project/made`);
    });

    it("takes a workspace below /tmp, inside the home, or behind a symbolic link", async () => {
      const inTmp = playground();
      chmodSync(inTmp, 0o777);
      const link = `${inTmp}/link`;
      symlinkSync(`${place}/work`, link);
      for (const workspace of [inTmp, `${home}/project`, link]) {
        const result = await run(who, sh("echo x > written && cat written"), { workspace });
        expect([workspace, result.stdout]).toEqual([workspace, "x\n"]);
        remove(`${workspace}/written`);
      }
      remove(inTmp);
    });

    it("has no network unless it is allowed", async () => {
      expect((await run(who, [connect, String(port)], { allowRead: [connect] })).stdout).toMatch(
        /ECONNREFUSED|EACCES|EPERM|ENETUNREACH/,
      );
      expect((await run(who, [connect, String(port)], { allowRead: [connect], network: true })).stdout).toBe(
        "connected\n",
      );
    });

    it("cannot reach the host's abstract Unix sockets", async () => {
      expect((await run(who, [connect, ABSTRACT], { allowRead: [connect] })).stdout).toMatch(/ECONNREFUSED|EPERM/);
    });

    it("gets harmless environment variables, and those that are allowed", async () => {
      const env = { API_KEY: "hunter2", LANG: "C.UTF-8", WANTED: "yes" };
      const { stdout } = await run(who, ["env"], { allowEnv: ["WANTED"] }, { env: { GIVEN: "too" } }, env);
      expect(stdout).not.toContain("hunter2");
      for (const line of ["LANG=C.UTF-8", "WANTED=yes", "GIVEN=too"]) expect(stdout.split("\n")).toContain(line);
    });

    it("ends for the reason that is told", async () => {
      expect((await run(who, ["sleep", "100"], {}, { timeout: 0.2 })).reason).toBe("timeout");
      const flood = await run(who, sh("yes"), {}, { maxOutput: 1000 });
      expect([flood.reason, flood.stdout.length]).toEqual(["output-limit", 1000]);
      // A first process of a pid namespace ignores the signals that it has no handler for, but not a fault (pid_namespaces(7)).
      expect(await run(who, [crash], { allowRead: [crash] })).toMatchObject({
        reason: "signal",
        signal: "SIGSEGV",
        exitCode: 139,
      });
    });

    it("is held to its memory", async () => {
      const result = await run(who, [hog], { memory: "50M", allowRead: [hog] });
      expect(result.stdout).not.toContain("had it all");
      expect(result.exitCode).not.toBe(0);
    });

    // RLIMIT_NPROC, the ordinary user's limit, counts all of the user's processes when there is no user namespace.
    it("is held to its number of processes", async () => {
      const bomb = "for i in $(seq 40); do sleep 5 & done; wait";
      const result = await run(who, sh(bomb), { pids: 10 }, { timeout: 20 });
      expect(result.stderr).toMatch(/fork/i);
    });

    it("sees no more of the caller's privileges", async () => {
      const { stdout } = await run(who, ["cat", "/proc/self/status"]);
      const field = (key: string) => new RegExp(`^${key}:\\s*(\\S+)`, "m").exec(stdout)?.[1];
      expect(["CapPrm", "CapEff", "CapInh", "CapAmb"].map(field)).toEqual(Array(4).fill("0000000000000000"));
      expect([field("NoNewPrivs"), field("Seccomp")]).toEqual(["1", "2"]);
    });
  });
}

describe("the sandbox by namespaces", () => {
  const who = { uid: UID, isolation: "namespaces" } as const;

  it("has private /tmp, /run and processes", async () => {
    const marker = playground();
    const { stdout } = await run(who, sh("ls /tmp /run /var/tmp; set -- /proc/[0-9]*; echo $#"));
    remove(marker);
    expect(stdout).toBe("/run:\n\n/tmp:\n\n/var/tmp:\n1\n");
  });

  it("finds a relative workspace from the working directory", async () => {
    const result = await inProcess<RunResult>(
      `process.chdir("${place}"); return host.run(["pwd"], { sandbox: { workspace: "work" } });`,
      { uid: UID, env: { HOME: home } },
    );
    expect(result.stdout).toBe(`${place}/work\n`);
  });

  it("hides other homes, and that of the account when $HOME is elsewhere", async () => {
    const { stdout } = await run({ ...who, uid: undefined }, sh("ls -A /root; for d in /home/*; do ls -A $d; done"));
    expect(stdout).toBe("");
  });

  it("can be nested", async () => {
    const body = 'return host.run(["id", "-u"], { sandbox: {} });';
    for (const uid of [undefined, UID]) {
      const options = uid === undefined ? {} : { uid };
      const launcher = ["unshare", "--user", "--map-current-user"];
      expect(await inProcess(body, { ...options, launcher })).toMatchObject({ exitCode: 0, stdout: `${uid ?? 0}\n` });
    }
  });

  it("dies with the application", async () => {
    const file = `${place}/work/pid`;
    // The application is killed while the sandboxed command, which told its start, would go on for long.
    const body = `
      const { existsSync } = await import("node:fs");
      host.run(["sh", "-c", "echo started > ${file}; sleep 1000.${process.pid}"], { sandbox: { workspace: "${place}/work" } }).catch(() => undefined);
      while (!existsSync("${file}")) await new Promise((next) => setTimeout(next, 5));
      process.kill(process.pid, "SIGKILL");`;
    await inProcess(body, { uid: UID, env: { HOME: home } }).catch(() => undefined);
    expect(existsSync(file)).toBe(true);
    const running = () =>
      execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).includes(`sleep 1000.${process.pid}`);
    await expect.poll(running).toBe(false);
  });
});

it.skipIf(withLandlock)("the sandbox by landlock is refused by name on a kernel that has none", async () => {
  expect(await run({ uid: UID, isolation: "landlock" }, ["true"])).toMatchObject({
    code: "ERR_CT_NOT_SUPPORTED",
    member: "process.landlock",
  });
});

describe("what a sandbox would not follow is refused", () => {
  it.each<[string, object, string]>([
    ["a workspace that is not there", { sandbox: { workspace: "/nowhere" } }, "sandbox.workspace"],
    ["the whole machine as the workspace", { sandbox: { workspace: "/" } }, "sandbox.workspace"],
    ["no processes at all", { sandbox: { pids: 0 } }, "sandbox.pids"],
    ["another isolation", { sandbox: { isolation: "magic" } }, "sandbox.isolation"],
    ["another user", { sandbox: {}, user: "root" }, "user"],
    ["another root", { sandbox: {}, root: "/" }, "root"],
    ["network outside its own option", { sandbox: {}, network: "host" }, "network"],
    ["mounts without a mount namespace", { sandbox: { isolation: "landlock" }, mounts: [] }, "mounts"],
  ])("%s", async (_, options, member) => {
    const error = await inProcess<Failed>(`return host.run(["true"], ${JSON.stringify(options)});`);
    expect([error.code, error.member]).toEqual(["ERR_CT_INVALID_SPEC", member]);
  });
});
