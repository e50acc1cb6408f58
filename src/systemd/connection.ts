import { createConnection, type Socket } from "node:net";
import { AUTH_END, authBegin, authStep } from "./auth.ts";
import { BusError } from "./errors.ts";
import { decodeMessage, encodeMessage, type Message, messageLength } from "./message.ts";
import type { Value } from "./value.ts";

/** A method to be called. */
export interface Call {
  readonly destination?: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly Value[];
}

/** The other side does not take this user. */
export class AuthRefused extends Error {
  override readonly name = "AuthRefused";
}

interface Waiting {
  resolve(message: Message): void;
  reject(error: Error): void;
}

/** As libdbus has it. Milliseconds */
const REPLY_TIMEOUT = 25_000;

/** One end of a connection of D-Bus: calls go out, replies and signals come in. Descriptors cannot be passed on. */
export class Connection {
  readonly #socket: Socket;
  readonly #timeout: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(signal: Message) => void>();
  readonly #ends = new Set<(error: Error) => void>();
  #received: Uint8Array = new Uint8Array(0);
  #serial = 0;
  #broken: Error | undefined;

  private constructor(socket: Socket, timeout: number, rest: Buffer) {
    this.#socket = socket;
    this.#timeout = timeout;
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("the other side has closed the connection")));
    this.#take(rest);
  }

  /** Connects, and says who we are. Throws AuthRefused when that is not accepted, and what the kernel says when there is nobody. */
  static async open(path: string, uid: number, timeout = REPLY_TIMEOUT): Promise<Connection> {
    const socket = createConnection(path);
    try {
      const rest = await handshake(socket, uid, timeout);
      return new Connection(socket, timeout, rest);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** Gives the values of the reply. Throws BusError for one that is an error. */
  async call(call: Call): Promise<readonly Value[]> {
    if (this.#broken) throw this.#broken;
    const serial = ++this.#serial;
    const message = encodeMessage({ type: "call", serial, ...call });
    const reply = await this.#within<Message>(call.member, (waiting) => {
      this.#waiting.set(serial, waiting);
      this.#socket.write(message);
      return () => this.#waiting.delete(serial);
    });
    if (reply.type === "return") return reply.body ?? [];
    const [text] = reply.body ?? [];
    throw new BusError(reply.errorName ?? "unknown", typeof text === "string" ? text : "without a word");
  }

  /** Hears every signal until it is told to stop. */
  listen(listener: (signal: Message) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits for what `begin` resolves; rejects when that takes too long, or the connection ends. */
  async wait<T>(what: string, begin: (resolve: (value: T) => void) => () => void): Promise<T> {
    return await this.#within(what, ({ resolve }) => begin(resolve));
  }

  close(): void {
    this.#socket.destroy();
  }

  async #within<T>(
    what: string,
    begin: (waiting: { resolve(value: T): void; reject(error: Error): void }) => () => void,
  ): Promise<T> {
    let stop: (() => void) | undefined;
    let timer: NodeJS.Timeout | undefined;
    let ended: ((error: Error) => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        ended = reject;
        this.#ends.add(reject);
        timer = setTimeout(() => reject(new Error(`no answer to ${what} in ${this.#timeout / 1000} s`)), this.#timeout);
        stop = begin({ resolve, reject });
        if (this.#broken) reject(this.#broken);
      });
    } finally {
      clearTimeout(timer);
      stop?.();
      if (ended) this.#ends.delete(ended);
    }
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    try {
      for (;;) {
        const length = messageLength(this.#received);
        if (length === undefined || this.#received.length < length) return;
        const message = decodeMessage(alone(this.#received.subarray(0, length)));
        this.#received = this.#received.subarray(length);
        this.#dispatch(message);
      }
    } catch (cause) {
      // Whoever is there speaks something else, and nothing that follows can be understood.
      this.#end(new Error(`not D-Bus: ${cause instanceof Error ? cause.message : String(cause)}`, { cause }));
      this.#socket.destroy();
    }
  }

  #dispatch(message: Message): void {
    if (message.type === "signal") {
      for (const listener of [...this.#listeners]) listener(message);
    } else if (message.type !== "call") {
      this.#waiting.get(message.replySerial ?? 0)?.resolve(message);
    }
  }

  #end(error: Error): void {
    this.#broken ??= error;
    for (const reject of [...this.#ends]) reject(this.#broken);
  }
}

/** A copy that begins at its buffer's start, so that alignment is that of the message. */
const alone = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes);

/** Lines go to and fro until the server says OK. Gives what has come after that. */
async function handshake(socket: Socket, uid: number, timeout: number): Promise<Buffer> {
  let received = "";
  const late = setTimeout(() => socket.destroy(new Error(`no handshake in ${timeout / 1000} s`)), timeout);
  try {
    return await new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.once("close", () => reject(new AuthRefused("it has closed the connection during the handshake")));
      socket.once("connect", () => socket.write(authBegin(uid)));
      socket.on("data", (bytes: Buffer) => {
        received += bytes.toString("latin1");
        for (let end = received.indexOf("\r\n"); end >= 0; end = received.indexOf("\r\n")) {
          const step = authStep(received.slice(0, end));
          received = received.slice(end + 2);
          if (step.do === "refused") reject(new AuthRefused(step.why));
          else if (step.do === "send") socket.write(step.line);
          else if (step.do === "done") {
            socket.write(AUTH_END);
            resolve(Buffer.from(received, "latin1"));
            return;
          }
        }
        if (received.length > LONGEST_LINE) reject(new AuthRefused("it does not speak D-Bus"));
      });
    });
  } finally {
    clearTimeout(late);
    socket.removeAllListeners("data");
    socket.removeAllListeners("error");
    socket.removeAllListeners("close");
    // Until somebody listens again.
    socket.on("error", () => undefined);
  }
}

const LONGEST_LINE = 16_384;
