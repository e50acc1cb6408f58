import { closeSync, constants, existsSync, openSync, readSync, writeSync } from "node:fs";
import { LibctError } from "../errors.ts";

/** Files of cgroups are small and read in one go; the same buffer for all of them makes reading many containers cheap. */
const buffer = Buffer.allocUnsafe(64 * 1024);

/** How the files of a cgroup are read: each time anew, or with descriptors that are kept (kept-files.ts). */
export interface FileReader {
  /** The text of a file that must be there while the cgroup is; of cgroup.procs it could be the first page alone. */
  read(path: string): string;
  /** As `read`, of a file that not every kernel has. */
  readIfThere(path: string): string | undefined;
}

export function readCgroupFile(path: string): string {
  try {
    return readOnce(path);
  } catch (cause) {
    throw fileError("read", path, cause);
  }
}

/** Throws what the kernel says. */
export function readOnce(path: string): string {
  const file = openSync(path, constants.O_RDONLY);
  try {
    return readOpen(file);
  } finally {
    closeSync(file);
  }
}

/** A descriptor may be read from its beginning again: the kernel then makes the text anew. */
export const readOpen = (file: number): string =>
  buffer.toString("latin1", 0, readSync(file, buffer, 0, buffer.length, 0));

export const readIfThere = (path: string): string | undefined => unlessRare(path, readOnce);

export const eachTime: FileReader = { read: readCgroupFile, readIfThere };

/** Names of files that some cgroup did not have. Looking before opening costs what is there, an exception costs more what is not. */
const rare = new Set<string>();

export function unlessRare(path: string, read: (path: string) => string): string | undefined {
  const slash = path.lastIndexOf("/");
  const name = path.slice(slash + 1);
  if (rare.has(name) && !existsSync(path)) return undefined;
  try {
    return read(path);
  } catch (cause) {
    if (!failedWith(cause, "ENOENT")) throw fileError("read", path, cause);
    if (existsSync(path.slice(0, slash))) rare.add(name);
    return undefined;
  }
}

export function writeCgroupFile(path: string, value: string): void {
  const file = openSync(path, "w");
  try {
    writeSync(file, value);
  } finally {
    closeSync(file);
  }
}

/** The error that a failed access to a cgroup's file means. */
export function fileError(verb: "read" | "write", path: string, cause: unknown, hint?: string): LibctError {
  const { code = "" } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENODEV") {
    const directory = path.slice(0, path.lastIndexOf("/"));
    if (!existsSync(directory)) {
      return new LibctError("ERR_CT_STATE", `the cgroup ${directory} is gone: its container has ended`, {
        path,
        cause,
      });
    }
  }
  const denied = code === "EACCES" || code === "EPERM";
  return new LibctError(denied ? "ERR_CT_NOT_PERMITTED" : "ERR_CT_SYSCALL", `cannot ${verb} ${path}: ${code}`, {
    syscall: verb,
    errno: code,
    path,
    hint,
    cause,
  });
}

/** Whether a failure says that the cgroup is gone. */
export const isGone = (error: unknown): boolean => error instanceof LibctError && error.code === "ERR_CT_STATE";

/** Whether a failure was of this kind. */
export const failedWith = (error: unknown, ...codes: readonly string[]): boolean =>
  codes.includes((error as NodeJS.ErrnoException).code ?? "");

/** Lines of a name and a number. */
export function parseFlat(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (let start = 0, end = 0; start < text.length; start = end + 1) {
    end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    const blank = text.indexOf(" ", start);
    if (blank > start && blank < end) values.set(text.slice(start, blank), Number(text.slice(blank + 1, end)));
  }
  return values;
}
