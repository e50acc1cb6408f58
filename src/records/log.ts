import { closeSync, fstatSync, openSync, readSync, statSync, watch } from "node:fs";
import { RECORD_FILE } from "../compile/index.ts";
import { LibctError } from "../errors.ts";

/** Something that a container has written, as it was written. */
export interface LogEntry {
  readonly time: Date;
  /** "lost": the disk was full, and `data` is missing. */
  readonly stream: "stdout" | "stderr" | "lost";
  readonly data: Uint8Array;
  /** Bytes that could not be written down, when the stream is "lost". */
  readonly lost: number;
}

export interface LogOptions {
  /** Go on with what is written from now on, until the container has ended for good. */
  readonly follow?: boolean;
  /** Leave out what was written before. */
  readonly since?: Date;
  /** Begin with what is written from now on. */
  readonly fromNow?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** struct record of native/log.c: u64 nanoseconds since the epoch, u32 length, u8 stream, three zero bytes. */
const HEADER = 16;
const STREAMS = ["lost", "stdout", "stderr"] as const;
const PIECE = 65536;

/** Reads a container's log: the older file, then the newer one. With `follow` it goes on until `ended` resolves. */
export async function* readLog(
  directory: string,
  options: LogOptions,
  ended: Promise<unknown>,
): AsyncGenerator<LogEntry> {
  const { follow = false, since, fromNow = false, signal } = options;
  const begun = fromNow ? new Date() : since;
  const wanted = ({ time }: LogEntry) => begun === undefined || time >= begun;
  const changes = follow ? new Changes(directory, ended, signal) : undefined;
  try {
    const old = LogFile.open(`${directory}/${RECORD_FILE.OLD_LOG}`);
    let current = LogFile.open(`${directory}/${RECORD_FILE.LOG}`);
    // Between the two opens the newer one may have become the older one.
    if (old && !(current && old.inode === current.inode)) yield* entriesOf(old, wanted);
    old?.close();
    for (;;) {
      // Asked before reading: what was written before the end is then surely read.
      const last = changes?.isOver ?? true;
      current ??= LogFile.open(`${directory}/${RECORD_FILE.LOG}`);
      if (current) yield* entriesOf(current, wanted);
      if (current?.isReplaced(`${directory}/${RECORD_FILE.LOG}`)) {
        yield* entriesOf(current, wanted);
        current.close();
        current = undefined;
        continue;
      }
      if (last) break;
      await changes?.next();
    }
    current?.close();
  } finally {
    changes?.close();
  }
  if (signal?.aborted) throw new LibctError("ERR_CT_ABORTED", "reading the log was aborted", { cause: signal.reason });
}

function* entriesOf(file: LogFile, wanted: (entry: LogEntry) => boolean): Generator<LogEntry> {
  for (const entry of file.read()) if (wanted(entry)) yield entry;
}

/** One log file, read record by record as far as it is written. */
class LogFile {
  readonly inode: number;
  readonly #fd: number;
  #rest = Buffer.alloc(0);
  #at = 0;

  private constructor(fd: number) {
    this.#fd = fd;
    this.inode = fstatSync(fd).ino;
  }

  static open(path: string): LogFile | undefined {
    try {
      return new LogFile(openSync(path, "r"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new LibctError("ERR_CT_STATE", `cannot read the log ${path}`, { path, cause: error });
    }
  }

  *read(): Generator<LogEntry> {
    const piece = Buffer.alloc(PIECE);
    for (;;) {
      const got = readSync(this.#fd, piece, 0, PIECE, this.#at);
      if (got === 0) return;
      this.#at += got;
      this.#rest = Buffer.concat([this.#rest, piece.subarray(0, got)]);
      yield* this.#whole();
    }
  }

  *#whole(): Generator<LogEntry> {
    let at = 0;
    while (this.#rest.length - at >= HEADER) {
      const length = this.#rest.readUInt32LE(at + 8);
      if (this.#rest.length - at < HEADER + length) break;
      yield entryOf(this.#rest, at, length);
      at += HEADER + length;
    }
    this.#rest = this.#rest.subarray(at);
  }

  /** Another file has its name: a new log was begun. */
  isReplaced(path: string): boolean {
    try {
      return statSync(path).ino !== this.inode;
    } catch {
      return false; // The container is being removed, or the new file is not there yet.
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function entryOf(bytes: Buffer, at: number, length: number): LogEntry {
  const time = new Date(Number(bytes.readBigUInt64LE(at) / 1_000_000n));
  const stream = STREAMS[bytes.readUInt8(at + 12)] ?? "lost";
  const data = Buffer.from(bytes.subarray(at + HEADER, at + HEADER + length));
  if (stream !== "lost") return { time, stream, data, lost: 0 };
  return { time, stream, data: new Uint8Array(0), lost: length === 8 ? Number(data.readBigUInt64LE(0)) : 0 };
}

/** Tells when there may be more to read, and when there will be no more. */
export class Changes {
  isOver = false;
  #changed = false;
  #wake: () => void = () => undefined;
  readonly #watcher: ReturnType<typeof watch> | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #end = () => {
    this.isOver = true;
    this.#wake();
  };

  constructor(directory: string, ended: Promise<unknown>, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#watcher = watch(directory, { persistent: true }, () => {
      this.#changed = true;
      this.#wake();
    });
    // The directory goes with the container; then the end is told as well.
    this.#watcher.on("error", () => undefined);
    ended.then(this.#end, this.#end);
    signal?.addEventListener("abort", this.#end, { once: true });
    if (signal?.aborted) this.#end();
  }

  async next(): Promise<void> {
    if (!this.#changed && !this.isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#changed = false;
  }

  close(): void {
    this.#watcher?.close();
    this.#signal?.removeEventListener("abort", this.#end);
  }
}
