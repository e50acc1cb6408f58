import { LibctError } from "../errors.ts";
import type { Channel, ChannelListener } from "./channel.ts";

/** The parts of Bun's API that start processes and speak to sockets. */
interface BunRuntime {
  spawn(
    command: readonly string[],
    options: {
      readonly stdio: readonly ["inherit", "inherit", "inherit", ...(number | "pipe")[]];
      onExit(process: unknown, code: number | null, signal: string | number | null): void;
    },
  ): BunProcess;
  connect(options: { readonly fd: number; readonly socket: Handlers }): Promise<BunSocket>;
}
interface BunProcess {
  readonly pid: number;
  /** Of a "pipe", which is one of a pair of sockets: the descriptor. */
  readonly stdio: readonly (number | null)[];
  ref(): void;
  unref(): void;
}
interface BunSocket {
  /** How much was taken; what was not can be given again after `drain`. */
  write(bytes: Uint8Array): number;
  end(): void;
  ref(): void;
  unref(): void;
}
interface Handlers {
  open(socket: BunSocket): void;
  data(socket: BunSocket, chunk: Uint8Array): void;
  drain(socket: BunSocket): void;
  close(): void;
  error(socket: BunSocket, cause: unknown): void;
}

/** In Bun, whose modules of Node's kind take some milliseconds to load: a large part of what a short command takes. */
export function openChannel(path: string, listener: ChannelListener, passed: readonly number[]): Channel {
  return new BunChannel(path, listener, passed);
}

class BunChannel implements Channel {
  readonly #process: BunProcess;
  readonly #exited: Promise<void>;
  readonly #waiting: Uint8Array[] = [];
  #socket: BunSocket | undefined;
  #alive = true;
  #closing = false;

  constructor(path: string, listener: ChannelListener, passed: readonly number[]) {
    const { Bun } = globalThis as unknown as { Bun: BunRuntime };
    let exited: () => void = () => undefined;
    this.#exited = new Promise((resolve) => {
      exited = resolve;
    });
    try {
      this.#process = Bun.spawn([path, ...passed.map(String)], {
        stdio: ["inherit", "inherit", "inherit", ...passed, "pipe"],
        onExit: (_, code, signal) => {
          exited();
          listener.ended(`the executor ended (${signal ?? `status ${code}`})`);
        },
      });
    } catch (cause) {
      throw new LibctError("ERR_CT_EXECUTOR", `cannot start the executor ${path}`, { cause });
    }
    this.#process.unref();
    const failed = (cause: unknown) => listener.ended("the executor's control socket failed", cause);
    const socket: Handlers = {
      open: (opened) => this.#opened(opened),
      data: (_, chunk) => listener.data(chunk),
      drain: () => this.#flush(),
      close: () => listener.ended("the executor's control socket ended"),
      error: (_, cause) => failed(cause),
    };
    Bun.connect({ fd: this.#process.stdio[3 + passed.length] ?? -1, socket }).catch(failed);
  }

  get pid(): number {
    return this.#process.pid;
  }

  write(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    if (this.#waiting.length === 1) this.#flush();
  }

  hold(alive: boolean): void {
    this.#alive = alive;
    if (alive) this.#socket?.ref();
    else this.#socket?.unref();
  }

  close(): Promise<void> {
    this.hold(true);
    this.#process.ref();
    this.#closing = true;
    this.#flush();
    return this.#exited;
  }

  #opened(socket: BunSocket): void {
    this.#socket = socket;
    this.hold(this.#alive);
    this.#flush();
  }

  /** Writes as much as the socket takes; the end comes last. */
  #flush(): void {
    const socket = this.#socket;
    if (!socket) return;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const taken = socket.write(next);
      if (taken < next.length) {
        // A socket that has failed takes nothing ever again, and says so in `close`.
        this.#waiting[0] = next.subarray(Math.max(0, taken));
        return;
      }
      this.#waiting.shift();
    }
    if (this.#closing) socket.end();
  }
}
