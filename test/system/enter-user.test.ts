import { chmodSync } from "node:fs";
import { expect, it } from "vitest";
import { ORDINARY } from "../support/as-user.ts";
import { auditEachTest } from "../support/leaks.ts";
import { type Failed, inProcess } from "../support/playground.ts";
import { busyboxRoot } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();
chmodSync(root, 0o755);

/** With `run(command, options)`, which enters a container over `root`. */
const asUser = <T>(spec: string, body: string) =>
  inProcess<T | Failed>(
    `await using container = await host.create({ root: "${root}", ...(${spec}) });
     await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
     const read = async (stream) => { let text = ""; for await (const chunk of stream ?? []) text += chunk; return text; };
     const run = async (command, options) => {
       const process = await container.exec(command, options);
       const [stdout, stderr, { exitCode }] = await Promise.all([read(process.stdout), read(process.stderr), process.wait()]);
       return { stdout, stderr, exitCode };
     };
     ${body}`,
    { uid: ORDINARY },
  );

const STANDARD = "libct.standard({ userNamespace: true })";

it("an ordinary user enters a container of his own, as its root", async () => {
  const script = "id -u; cat /proc/1/comm; grep -c . /proc/self/uid_map; grep NoNewPrivs /proc/self/status";
  expect(await asUser(STANDARD, `return await run(["/bin/sh", "-c", ${JSON.stringify(script)}]);`)).toEqual({
    stdout: "0\nsleep\n1\nNoNewPrivs:\t1\n",
    stderr: "",
    exitCode: 0,
  });
});

it("an ordinary user enters any part of it that the user namespace gives the right to", async () => {
  const seen = await asUser(
    `{ namespaces: ["user", "mount", "pid", "ipc", "uts"], hostname: "box" }`,
    `const results = [];
     for (const namespaces of [["user"], ["user", "uts"], ["user", "pid", "mount"], ["uts"]])
       results.push(await run(["/bin/busybox", "hostname"], { namespaces }).then(({ stdout }) => stdout === "box\\n", (error) => error.errno));
     return results;`,
  );
  expect(seen).toEqual([false, true, false, "EPERM"]);
});

it("an ordinary user has a terminal, pipes and exact exit statuses there", async () => {
  const seen = await asUser(
    STANDARD,
    `const terminal = await run({ args: ["/bin/sh", "-c", "tty; exit 7"], terminal: true }, { stdin: "pipe" });
     const killed = await run(["/bin/sh", "-c", "kill -15 $$"]);
     const missing = await run(["nothing"]).catch(({ code }) => code);
     return [terminal.stdout, terminal.exitCode, killed.exitCode, missing];`,
  );
  expect(seen).toEqual(["/dev/pts/0\r\n", 7, 143, "ERR_CT_COMMAND_NOT_FOUND"]);
});

it("an ordinary user's container without any wall is entered as a child process", async () => {
  expect(await asUser("{ root: undefined }", `return await run(["/bin/sh", "-c", "id -u"]);`)).toMatchObject({
    stdout: `${ORDINARY}\n`,
  });
});

it("an ordinary user cannot enter a container that has ended", async () => {
  const seen = await asUser(
    STANDARD,
    `await container.process.kill("SIGKILL");
     const entering = run(["/bin/sleep", "1000"]).then(({ exitCode }) => exitCode, ({ code }) => code);
     return [await entering, await run(["/bin/true"]).catch(({ code }) => code)];`,
  );
  expect(seen).toEqual([expect.toBeOneOf(["ERR_CT_STATE", 137]), "ERR_CT_STATE"]);
});
