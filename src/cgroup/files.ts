import { closeSync, existsSync, openSync, readSync, writeSync } from "node:fs";
import { LibctError } from "../errors.ts";

/** Files of cgroups are small and read in one go; the same buffer for all of them makes reading many containers cheap. */
const buffer = Buffer.allocUnsafe(64 * 1024);

/** The text of a file that must be there while the cgroup is; of cgroup.procs it could be the first page alone. */
export function readCgroupFile(path: string): string {
  try {
    const file = openSync(path, "r");
    try {
      return buffer.toString("latin1", 0, readSync(file, buffer, 0, buffer.length, 0));
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw fileError("read", path, cause);
  }
}

/** As `readCgroupFile`, of a file that not every kernel has. */
export const readIfThere = (path: string): string | undefined => (existsSync(path) ? readCgroupFile(path) : undefined);

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
  for (const line of text.split("\n")) {
    const blank = line.indexOf(" ");
    if (blank > 0) values.set(line.slice(0, blank), Number(line.slice(blank + 1)));
  }
  return values;
}
