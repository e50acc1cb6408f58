import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { LibctError } from "../../errors.ts";
import { randomHex } from "../../linux/index.ts";

/** Writes a small file that is there whole or not at all, also after the machine has lost its power. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const slash = path.lastIndexOf("/");
  const fresh = `${path.slice(0, slash)}/~${randomHex(8)}`;
  try {
    writeWhole(fresh, content);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw cannotWrite(path, error);
  }
}

function writeWhole(path: string, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const fd = openSync(path, "wx", 0o644);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes a directory and those above it that are missing. */
export function makeDirectory(path: string, mode = 0o755): void {
  try {
    mkdirSync(path, { recursive: true, mode });
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw new LibctError("ERR_CT_STORE", `cannot read ${path}: ${errnoOf(error)}`, { path, cause: error });
  }
}

/** Names in a directory, without what is being made or removed; none when there is no such directory. */
export const entries = (path: string): readonly string[] => allEntries(path).filter((name) => !isHidden(name));

/** Also the hidden ones. */
export function allEntries(path: string): readonly string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw new LibctError("ERR_CT_STORE", `cannot read ${path}: ${errnoOf(error)}`, { path, cause: error });
  }
}

export const isHidden = (name: string): boolean => name.startsWith("~");

export const errnoOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

export function isAbsent(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "ENOENT" || errno === "ENOTDIR";
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: `ct image prune` and `ct system df` help, or choose another directory with --data",
  EDQUOT: "the quota is used up: `ct image prune` and `ct system df` help, or choose another directory with --data",
  EACCES: "choose another directory with --data, or Host.open({ dataDirectory })",
  EROFS: "choose another directory with --data, or Host.open({ dataDirectory })",
};

export function cannotWrite(path: string, cause: unknown): LibctError {
  if (cause instanceof LibctError) return cause;
  const errno = errnoOf(cause);
  const { syscall } = cause as NodeJS.ErrnoException;
  return new LibctError("ERR_CT_STORE", `cannot write ${path}: ${errno ?? String(cause)}`, {
    path,
    errno,
    syscall,
    hint: HINTS[errno ?? ""],
    cause,
  });
}
