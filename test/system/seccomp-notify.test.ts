import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ContainerSpec, type Host, type ProcessSpec, type Seccomp, standard } from "../../src/index.ts";
import { ORDINARY } from "../support/as-user.ts";
import { outcome } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { hasPidfds } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { inProcess } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { busyboxRoot, temporaryDirectory } from "../support/rootfs.ts";
import { SeccompAgent } from "../support/seccomp-agent.ts";

auditEachTest();
const root = busyboxRoot();
const directory = temporaryDirectory();
let host: Host;
beforeAll(async () => {
  host = await openHost();
});
afterAll(() => host[Symbol.asyncDispose]());

let sockets = 0;
const socketPath = () => join(directory, `agent-${sockets++}`);
const EBADMSG = 74;

const profile = (listenerPath: string): Seccomp => ({
  defaultAction: "SCMP_ACT_ALLOW",
  listenerPath,
  listenerMetadata: "only for tests",
  // read(2) is what waits for the listener's being handed over: the agent has to let it go on.
  syscalls: [{ names: ["mkdir", "mkdirat", "read"], action: "SCMP_ACT_NOTIFY" }],
});

const spec = (listenerPath: string, process: Partial<ProcessSpec> = {}, userNamespace = false): ContainerSpec => ({
  ...standard({ userNamespace }),
  root,
  name: "notified",
  annotations: { "org.example.key": "value" },
  seccomp: profile(listenerPath),
  process: { ...standard({ userNamespace }).process, ...process },
});

const MKDIR = ["/bin/sh", "-c", "mkdir /tmp/refused; sleep 1000"];

describe.runIf(requires("python3", installed("python3"), "it answers notified system calls") && hasPidfds())(
  "notified system calls",
  () => {
    for (const noNewPrivileges of [true, false]) {
      for (const userNamespace of [true, false]) {
        const how = `${noNewPrivileges ? "with" : "without"} no_new_privs${userNamespace ? ", in a user namespace" : ""}`;
        it(`are answered by who listens ${how}, and he is told of whom they are`, async () => {
          const path = socketPath();
          await using agent = await SeccompAgent.listen(path, EBADMSG);
          await using container = await host.create(spec(path, { noNewPrivileges }, userNamespace));
          const process = await container.start(["/bin/mkdir", "/tmp/refused"]);
          const pid = process.pid;
          expect(await agent.told()).toEqual({
            ociVersion: "1.3.0",
            fds: ["seccompFd"],
            pid,
            metadata: "only for tests",
            state: {
              ociVersion: "1.3.0",
              id: "notified",
              status: "creating",
              pid,
              bundle: "/",
              annotations: { "org.example.key": "value" },
            },
          });
          expect(await agent.told()).toEqual({ refused: pid });
          expect(await outcome(process)).toMatchObject({
            exitCode: 1,
            stderr: "mkdir: can't create directory '/tmp/refused': Bad message\n",
          });
        });
      }
    }

    it("of a process that enters have a listener of their own", async () => {
      const path = socketPath();
      await using agent = await SeccompAgent.listen(path, EBADMSG);
      await using container = await host.create({ ...spec(path), seccomp: "unconfined" });
      const first = await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
      for (const noNewPrivileges of [true, false]) {
        const command = { args: ["/bin/mkdir", "/tmp/refused"], noNewPrivileges };
        const entered = await container.exec(command, { seccomp: profile(path) });
        expect(await agent.told()).toMatchObject({ pid: entered.pid, state: { status: "running", pid: first.pid } });
        expect(await agent.told()).toEqual({ refused: entered.pid });
        expect((await outcome(entered)).stderr).toContain("Bad message");
      }
    });

    it("of an ordinary user's container are answered, too, and refused beforehand for who enters it", async () => {
      const path = socketPath();
      await using agent = await SeccompAgent.listen(path, EBADMSG);
      chmodSync(path, 0o777);
      const { process: _, ...described } = spec(path, {}, true);
      const run = inProcess<{ pid: number; text: string; entered: string }>(
        `await using container = await host.create(${JSON.stringify({ ...described, name: undefined })});
       const process = await container.start({ args: ["/bin/sh", "-c", "mkdir /tmp/refused; sleep 1000"], noNewPrivileges: true });
       let text = "";
       for await (const chunk of process.stderr) { text += chunk; break; }
       const entered = await container.exec(["/bin/true"]).catch((error) => error.message);
       return { pid: process.pid, text, entered };`,
        { uid: ORDINARY },
      );
      const told = await agent.told();
      const seen = await run;
      expect(told).toMatchObject({ pid: seen.pid });
      expect(seen.text).toContain("Bad message");
      expect(seen.entered).toContain("an ordinary user cannot enter with SCMP_ACT_NOTIFY");
    });

    it("find a listener whose path is longer than an address", async () => {
      const path = join(directory, "x".repeat(100), "agent");
      mkdirSync(dirname(path));
      await using agent = await SeccompAgent.listen(path, EBADMSG);
      await using container = await host.create(spec(path));
      const process = await container.start(["/bin/true"]);
      expect(await agent.told()).toMatchObject({ pid: process.pid });
      expect((await process.wait()).exitCode).toBe(0);
    });

    it("of a container that waits to be started have a listener by then", async () => {
      const path = socketPath();
      await using agent = await SeccompAgent.listen(path, EBADMSG);
      await using container = await host.create({ ...spec(path), lifetime: "host" });
      const process = await container.prepare(MKDIR);
      expect(await agent.told()).toMatchObject({ pid: process.pid });
      await container.release();
      expect(await agent.told()).toMatchObject({ refused: expect.any(Number) });
      await container.kill();
      await container.wait();
      await container.remove();
    });
  },
);

describe.runIf(hasPidfds())("a container whose filter notifies", () => {
  const start = async (listenerPath: string) => {
    await using container = await host.create(spec(listenerPath));
    await container.start(["/bin/true"]);
  };

  it("does not start when there is no socket", async () => {
    const path = socketPath();
    writeFileSync(path, "");
    await expect(start(path)).rejects.toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "seccomp.listenerPath" });
  });

  it("does not start when nobody listens any more", async () => {
    const path = socketPath();
    const agent = await SeccompAgent.listen(path, EBADMSG);
    await agent[Symbol.asyncDispose]();
    await expect(start(path)).rejects.toMatchObject({
      code: "ERR_CT_SYSCALL",
      syscall: "connect",
      errno: "ECONNREFUSED",
      member: "seccomp.listenerPath",
    });
  });

  it("starts although the listener lets go at once: then its calls are not there", async () => {
    const path = socketPath();
    const server = createServer((socket) => socket.once("data", () => socket.destroy())).listen(path);
    await new Promise((resolve) => server.once("listening", resolve));
    try {
      await using container = await host.create({
        ...spec(path),
        seccomp: { ...profile(path), syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }] },
      });
      const result = await outcome(await container.start(["/bin/mkdir", "/tmp/refused"]));
      // Without a listener such a call is one that the kernel does not have (seccomp(2), ENOSYS).
      expect(result.stderr).toContain("Function not implemented");
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
