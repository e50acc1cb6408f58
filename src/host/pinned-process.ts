import { closeSync, openSync, readFileSync } from "node:fs";
import { bootId, type ProcessIdentity, parseStat } from "../records/index.ts";

/**
 * /proc/PID of a process, held open: what is opened in it is that process's or fails, also when the pid has been given to another one since (proc(5): the
 * directory belongs to the process, not to the number).
 */
export interface PinnedProcess {
  /** Its path from /proc on, for a monitor of this application. */
  readonly path: string;
  read(file: string): string;
  close(): void;
}

/** Undefined when the process does not run any more. The identity is compared after the opening, so there is no moment in which the pid could change hands. */
export function pinProcess({ pid, startTime, bootId: boot }: ProcessIdentity): PinnedProcess | undefined {
  if (boot !== bootId()) return undefined;
  const fd = openOrUndefined(`/proc/${pid}`);
  if (fd === undefined) return undefined;
  const read = (file: string) => readFileSync(`/proc/self/fd/${fd}/${file}`, "utf8");
  try {
    const stat = parseStat(read("stat"));
    if (stat.startTime === startTime && stat.state !== "Z" && stat.state !== "X") {
      return { path: `${process.pid}/fd/${fd}`, read, close: () => closeSync(fd) };
    }
  } catch {
    // It has ended since: there is nothing to read.
  }
  closeSync(fd);
  return undefined;
}

function openOrUndefined(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
