import { rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { randomHex } from "../../linux/index.ts";
import { throwIfAborted } from "../abort.ts";
import { writeContent } from "../write-content.ts";
import { fileError, READ_SIZE } from "./files.ts";

/** A file without a name, for what must be read twice: however this process ends, nothing is left. /tmp may be memory, and layers are large (as containers/image has it). */
async function scratchFile(env: Readonly<Record<string, string | undefined>> = process.env): Promise<FileHandle> {
  const path = `${env.TMPDIR || "/var/tmp"}/libct-${randomHex(8)}`;
  try {
    const file = await open(path, "wx+", 0o600);
    rmSync(path, { force: true });
    return file;
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/** Content that comes once, in such a file. The caller closes it. */
export async function spool(content: AsyncIterable<Uint8Array>): Promise<FileHandle> {
  const file = await scratchFile();
  try {
    await writeContent(file, content, 0);
    return file;
  } catch (error) {
    await file.close();
    throw fileError("write", "a scratch file", error);
  }
}

/** Several readers share the descriptor, each at places of its own. */
export async function* readBetween(
  file: FileHandle,
  start: number,
  end: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; ) {
    throwIfAborted(signal, "reading an archive");
    const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, end - at));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
