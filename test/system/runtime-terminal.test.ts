import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { hasPidfds } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { exitOf, ociRuntime } from "../support/oci.ts";

auditEachTest();
const oci = ociRuntime();
const receivers: ChildProcess[] = [];
afterEach(async () => {
  for (const receiver of receivers.splice(0)) {
    const ended = receiver.exitCode === null && receiver.signalCode === null ? exitOf(receiver) : undefined;
    receiver.kill("SIGKILL");
    await ended;
  }
  await oci.clean();
});

/** As conmon does: takes one descriptor from whoever connects, tells the data that came with it, and then what the descriptor gives. */
const RECEIVER = `
import array, os, select, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(1)
print("listening", flush=True)
connection, _ = server.accept()
data, control, flags, _ = connection.recvmsg(4096, 4096)
numbers = array.array("i")
for level, kind, content in control:
    numbers.frombytes(content)
fd = numbers[0]
print(len(numbers), os.readlink("/proc/self/fd/%d" % fd), flush=True)
if sys.argv[2] == "pidfd":
    print([line for line in open("/proc/self/fdinfo/%d" % fd) if line.startswith("Pid")][0].strip(), flush=True)
else:
    if len(sys.argv) > 3: os.write(fd, sys.argv[3].encode())
    while True:
        try: got = os.read(fd, 4096)
        except OSError: break
        if not got: break
        sys.stdout.write(got.decode()); sys.stdout.flush()
print("end", flush=True)
`;

let count = 0;
async function receive(kind: "terminal" | "pidfd", input?: string) {
  const path = `${oci.directory}/${count++}.sock`;
  const child = spawn("python3", ["-c", RECEIVER, path, kind, ...(input === undefined ? [] : [input])], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  receivers.push(child);
  const seen = { text: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    seen.text += text;
  });
  await vi.waitFor(() => expect(seen.text).toContain("listening"), { timeout: 5000 });
  return { path, said: (words: RegExp) => vi.waitFor(() => expect(seen.text).toMatch(words), { timeout: 5000 }) };
}

const withTerminal = (script: string) =>
  oci.bundle((config) => {
    config.process.terminal = true;
    config.process.consoleSize = { height: 33, width: 99 };
    config.process.args = ["sh", "-c", script];
  });

describe("a console socket", () => {
  it("gets the master of a container's terminal from create, in its size", async () => {
    const socket = await receive("terminal", "typed\n");
    const bundle = withTerminal("tty; stty size; read line; echo got $line; exit 0");
    expect(await oci.run(["create", "--bundle", bundle, "--console-socket", socket.path, "one"])).toMatchObject({
      status: 0,
    });
    await socket.said(/1 \/dev\/(pts\/)?ptmx\n/);
    await oci.expect(["start", "one"]);
    await socket.said(/\/dev\/pts\/0\r\n33 99\r\ngot typed\r\nend\n$/);
  });

  it("gets that of a process that enters, and it is the controlling terminal", async () => {
    await oci.start("one", oci.bundle());
    const socket = await receive("terminal");
    const script = "echo from it >/dev/tty; id -u";
    const words = ["exec", "--tty", "--detach", "--console-socket", socket.path, "--user", "1000:1000"];
    expect(await oci.run([...words, "one", "sh", "-c", script])).toMatchObject({ status: 0 });
    await socket.said(/from it\r\n1000\r\nend\n$/);
  });

  it("is asked for when there is a terminal and nobody waits, and refused otherwise", async () => {
    expect(await oci.run(["create", "--bundle", withTerminal("true"), "one"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("cannot allocate tty if"),
    });
    const plain = oci.bundle();
    expect(await oci.run(["create", "--bundle", plain, "--console-socket", "/no/such", "two"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("cannot use console socket if"),
    });
    expect(
      await oci.run(["create", "--bundle", withTerminal("true"), "--console-socket", "/no/such", "three"]),
    ).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("console socket"),
    });
    expect(await oci.expect(["list", "-q"])).toBe("");
    expect(existsSync(`${oci.directory}/state/containers/three`)).toBe(false);
  });
});

describe.runIf(hasPidfds())("a pidfd socket", () => {
  it("gets a pidfd of a container's first process, and of a process that enters", async () => {
    const first = await receive("pidfd");
    await oci.expect(["create", "--bundle", oci.bundle(), "--pidfd-socket", first.path, "one"]);
    const { pid } = await oci.state("one");
    await first.said(new RegExp(`Pid:\\t${pid}\\nend\\n$`));
    await oci.expect(["start", "one"]);
    const second = await receive("pidfd");
    await oci.expect(["exec", "--detach", "--pidfd-socket", second.path, "one", "sleep", "1000"]);
    await second.said(/Pid:\t\d+\nend\n$/);
  });

  it("that nobody listens at makes create and exec fail, and leaves nothing", async () => {
    const missing = `${oci.directory}/nobody`;
    const created = await oci.run(["create", "--bundle", oci.bundle(), "--pidfd-socket", missing, "four"]);
    expect(created).toMatchObject({ status: 1, stderr: expect.stringContaining("pidfd socket") });
    expect(await oci.expect(["list", "-q"])).not.toContain("four");
  });
});
