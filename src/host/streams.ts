import { closeSync, constants, createWriteStream, openSync } from "node:fs";
import { Socket } from "node:net";
import { Readable, type Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** The part of Bun's API that reads and writes pipes without blocking a thread; its net.Socket does not take descriptors of pipes. */
interface BunFile {
  stream(): AsyncIterable<Uint8Array>;
}
const bun = (globalThis as { Bun?: { file(fd: number): BunFile } }).Bun;

/** A container's output: a Readable of bytes that can also be read line by line. */
export class OutputStream extends Readable {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #close: () => Promise<void>;

  /** `close` is called once, also when nothing was ever read: an iterator that has not begun closes nothing itself. */
  constructor(source: AsyncIterator<Uint8Array>, close: () => Promise<void>) {
    super();
    this.#source = source;
    this.#close = close;
  }

  override _read(): void {
    this.#source.next().then(
      ({ done, value }) => this.push(done ? null : value),
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#close().then(() => callback(error), callback);
  }

  /** The output as text, a line at a time, without the line ends. */
  lines(): AsyncIterable<string> {
    return linesOf(this);
  }
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + decoder.write(Buffer.from(chunk))).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  rest += decoder.end();
  if (rest !== "") yield rest;
}

/** Another process's end of a pipe, opened anew: not blocking here has no effect there (proc_pid_fd(5)). */
function openPipe(pid: number, fd: number, flags: number): number {
  return openSync(`/proc/${pid}/fd/${fd}`, flags);
}

export function openOutput(pid: number, fd: number): OutputStream {
  const own = openPipe(pid, fd, constants.O_RDONLY | constants.O_NONBLOCK);
  if (!bun) {
    const socket = new Socket({ fd: own, readable: true, writable: false });
    return new OutputStream(socket[Symbol.asyncIterator](), async () => {
      socket.destroy();
    });
  }
  const chunks = bun.file(own).stream()[Symbol.asyncIterator]();
  return new OutputStream(chunks, async () => {
    await chunks.return?.();
    closeSync(own);
  });
}

export function openInput(pid: number, fd: number): Writable {
  if (!bun)
    return new Socket({
      fd: openPipe(pid, fd, constants.O_WRONLY | constants.O_NONBLOCK),
      readable: false,
      writable: true,
    });
  const own = openPipe(pid, fd, constants.O_WRONLY);
  // A descriptor that blocks is written to by a thread of the runtime's: slower than an event, but complete.
  return createWriteStream("", { fd: own });
}
