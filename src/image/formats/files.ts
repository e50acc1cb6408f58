import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { LibctError } from "../../errors.ts";
import { randomHex } from "../../linux/index.ts";
import { throwIfAborted } from "../abort.ts";
import { writeContent } from "../write-content.ts";

/** Pieces of this size cost little, and fit the pipes and buffers behind them. */
export const READ_SIZE = 256 * 1024;

const errnoOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** An error of a file of an image. */
export function fileError(act: "read" | "write", path: string, cause: unknown): LibctError {
  if (cause instanceof LibctError) return cause;
  const errno = errnoOf(cause);
  const code = act === "read" && (errno === "ENOENT" || errno === "ENOTDIR") ? "ERR_CT_NO_SUCH_IMAGE" : "ERR_CT_IMAGE";
  const said = errno ?? (cause instanceof Error ? cause.message : String(cause));
  const hint = errno === "ENOSPC" ? "the disk is full" : undefined;
  return new LibctError(code, `cannot ${act} ${path}: ${said}`, { path, errno, hint, cause });
}

/** Neither a FIFO that nobody writes to keeps the caller waiting, nor is anything read but a plain file. */
function openPlain(path: string): { readonly fd: number; readonly size: number } {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (stat.isFile()) return { fd, size: stat.size };
    closeSync(fd);
  } catch (error) {
    throw fileError("read", path, error);
  }
  throw new LibctError("ERR_CT_IMAGE", `${path} is no plain file`, {
    path,
    hint: "an archive is read more than once; one that comes through a pipe is for the standard input of `ct image load`",
  });
}

/** A small file as a whole; `most` bounds what a stranger's may have, also when it grows meanwhile. */
export function readSmall(path: string, most: number): Buffer {
  const { fd, size } = openPlain(path);
  try {
    if (size > most)
      throw new LibctError("ERR_CT_IMAGE", `${path} is longer than the ${most} bytes that are read of it`, { path });
    const bytes = Buffer.alloc(size);
    let length = 0;
    for (let count = 1; length < size && count > 0; length += count)
      count = readSync(fd, bytes, length, size - length, length);
    return bytes.subarray(0, length);
  } catch (error) {
    throw fileError("read", path, error);
  } finally {
    closeSync(fd);
  }
}

export async function* readStream(
  path: string,
  start: number,
  end?: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (end !== undefined && end <= start) return;
  const { fd } = openPlain(path);
  const options = {
    fd,
    start,
    highWaterMark: READ_SIZE,
    ...(end !== undefined && { end: end - 1 }),
    ...(signal && { signal }),
  };
  try {
    yield* createReadStream(path, options) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throwIfAborted(signal, `reading ${path}`);
    throw fileError("read", path, error);
  }
}

export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/** A file of content that is there whole or not at all. */
export async function writeWhole(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const fresh = `${path}.~${randomHex(8)}`;
  try {
    const file = await open(fresh, "wx");
    try {
      await writeContent(file, content, 0);
    } finally {
      await file.close();
    }
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw fileError("write", path, error);
  }
}

/** The same of a small one. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const fresh = `${path}.~${randomHex(8)}`;
  try {
    writeFileSync(fresh, content, { flag: "wx" });
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw fileError("write", path, error);
  }
}
