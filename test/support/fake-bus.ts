import { createServer, type Server, type Socket } from "node:net";
import { decodeMessage, encodeMessage, type Message, messageLength } from "../../src/systemd/message.ts";
import { type Value, variant } from "../../src/systemd/value.ts";

/** What a method answers: values, an error, or nothing at all; and signals that go before the answer or after it. */
export interface Answer {
  readonly signature?: string;
  readonly body?: readonly Value[];
  readonly error?: string;
  readonly text?: string;
  readonly silent?: true;
  readonly before?: readonly Message[];
  readonly after?: readonly Message[];
}

export interface FakeBus {
  /** Methods that were called, in order. */
  readonly calls: readonly Message[];
  /** Lines that came before the messages. */
  readonly lines: readonly string[];
  close(): Promise<void>;
}

export interface FakeOptions {
  /** Of the handshake, for each line. Default: OK to AUTH, nothing to BEGIN */
  readonly says?: (line: string) => string | undefined;
  readonly answer: (call: Message) => Answer | undefined;
}

/** Another end of D-Bus on a Unix socket: takes the handshake, and answers calls as the test says. */
export async function fakeBus(path: string, options: FakeOptions): Promise<FakeBus> {
  const [calls, lines]: [Message[], string[]] = [[], []];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined); // The client goes when it likes.
    serve(socket, options, calls, lines);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return { calls, lines, close };
}

function serve(socket: Socket, { says = accept, answer }: FakeOptions, calls: Message[], lines: string[]): void {
  let received = Buffer.alloc(0);
  let talking = true;
  let serial = 0;
  socket.on("data", (bytes) => {
    received = Buffer.concat([received, bytes]);
    while (talking) {
      const end = received.indexOf("\r\n");
      if (end < 0) return;
      const line = received.subarray(0, end).toString("latin1");
      received = received.subarray(end + 2);
      lines.push(line);
      if (line === "BEGIN") talking = false;
      const reply = says(line);
      if (reply !== undefined) socket.write(`${reply}\r\n`);
    }
    for (let length = messageLength(received); length && received.length >= length; length = messageLength(received)) {
      const call = decodeMessage(Uint8Array.from(received.subarray(0, length)));
      received = received.subarray(length);
      calls.push(call);
      const given = answer(call) ?? { error: "org.freedesktop.DBus.Error.UnknownMethod", text: `no ${call.member}` };
      const say = (message: Omit<Message, "serial">) => socket.write(encodeMessage({ ...message, serial: ++serial }));
      for (const signal of given.before ?? []) say(signal);
      if (!given.silent) say(reply(call, given));
      for (const signal of given.after ?? []) say(signal);
    }
  });
}

const accept = (line: string) => (line === "BEGIN" ? undefined : "OK 0123456789abcdef0123456789abcdef");

function reply({ serial: replySerial }: Message, given: Answer): Omit<Message, "serial"> {
  if (given.error !== undefined) {
    return { type: "error", errorName: given.error, replySerial, signature: "s", body: [given.text ?? ""] };
  }
  return { type: "return", replySerial, signature: given.signature ?? "", body: given.body ?? [] };
}

export const jobRemoved = (job: string, unit: string, result: string): Message => ({
  type: "signal",
  serial: 1,
  path: "/org/freedesktop/systemd1",
  interface: "org.freedesktop.systemd1.Manager",
  member: "JobRemoved",
  signature: "uoss",
  body: [7, job, unit, result],
});

const JOB = "/org/freedesktop/systemd1/job/7";

/** What a systemd answers that makes every scope below system.slice at once; `other` goes first. */
export const systemdAnswers =
  (other: (call: Message) => Answer | undefined = () => undefined) =>
  (call: Message): Answer | undefined => {
    const given = other(call);
    if (given) return given;
    const [first, second] = call.body ?? [];
    const job: Answer = { signature: "o", body: [JOB], after: [jobRemoved(JOB, String(first), "done")] };
    const answers: Readonly<Record<string, Answer>> = {
      Hello: { signature: "s", body: [":1.5"] },
      AddMatch: {},
      Get: { signature: "v", body: [variant("s", PROPERTIES[String(second)] ?? "")] },
      GetAll: { signature: "a{sv}", body: [[["MemoryMax", variant("t", 5n)]]] },
      GetUnit: { signature: "o", body: ["/org/freedesktop/systemd1/unit/a_2escope"] },
      StartTransientUnit: job,
      StopUnit: job,
      SetUnitProperties: {},
      AttachProcessesToUnit: {},
      ResetFailedUnit: { error: "org.freedesktop.systemd1.NoSuchUnit", text: "Unit a.scope not loaded." },
    };
    return answers[call.member ?? ""];
  };

const PROPERTIES: Readonly<Record<string, string>> = {
  Version: "252.39-1~deb12u2",
  ControlGroup: "/system.slice/a.scope",
  ActiveState: "active",
};
