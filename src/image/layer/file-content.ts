import { closeSync, readSync } from "node:fs";
import { AT, O, openFlags } from "../../linux/index.ts";
import { beside } from "./beside.ts";
import { readError } from "./read-tree.ts";
import type { Session } from "./session.ts";

/** The code of SEND for content. */
const CONTENT = 3;
/** What one SEND carries. */
const PIECE = 32768;
/** What is read at once through a descriptor of this process's own. */
const LARGE_PIECE = 256 * 1024;

/** The content of a file of a session's directory: larger ones through a descriptor that this process opens once more, where it may. */
export async function* fileContent(session: Session, path: string, size: number): AsyncGenerator<Uint8Array> {
  if (size <= PIECE) {
    const content = await readPiece(session, path, 0);
    yield content;
    return;
  }
  const descriptor = await openDescriptor(session, path);
  if (descriptor === undefined) {
    for (let at = 0; ; ) {
      const piece = await readPiece(session, path, at);
      if (piece.length === 0) return;
      yield piece;
      at += piece.length;
    }
  }
  try {
    const buffer = new Uint8Array(LARGE_PIECE);
    for (let length = readSync(descriptor, buffer); length > 0; length = readSync(descriptor, buffer)) {
      yield buffer.slice(0, length);
    }
  } finally {
    closeSync(descriptor);
  }
}

const flagsOf = (arch: Parameters<typeof openFlags>[0]) => O.RDONLY | O.CLOEXEC | O.NONBLOCK | openFlags(arch).NOFOLLOW;

async function readPiece(session: Session, path: string, at: number): Promise<Uint8Array> {
  let content: Uint8Array = new Uint8Array(0);
  session.onData = (code, bytes) => {
    if (code === CONTENT) content = bytes;
  };
  const { errno } = await beside(session, (block, text, arch) => {
    const buffer = block.memory.zeroed(PIECE);
    const fd = block.sysResult("read_from", "openat", [AT.FDCWD, text(path), flagsOf(arch), 0]);
    const length = block.sysResult("length", "pread64", [fd, buffer, PIECE, at]);
    block.send(CONTENT, buffer, length);
    block.sys("close", [fd]);
  });
  if (errno !== 0) throw readError(path, "read", errno);
  return content;
}

/** Undefined for a file that only the session's ids may open. */
async function openDescriptor(session: Session, path: string): Promise<number | undefined> {
  const { errno, value } = await beside(session, (block, text, arch) => {
    block.sys("openat", [AT.FDCWD, text(path), flagsOf(arch), 0], { dst: block.program.register("read_from") });
  });
  if (errno !== 0) throw readError(path, "openat", errno);
  try {
    return session.open(value, O.RDONLY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM" && code !== "ENOENT") throw error;
    return undefined;
  } finally {
    await beside(session, (block) => block.sys("close", [value]));
  }
}
