import { readFileSync } from "node:fs";
import { LibctError } from "../errors.ts";

/** A process that can be known again: its pid alone may be given to another one later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between the machine's start and the process's (proc_pid_stat(5), field 22). */
  readonly startTime: number;
  /** The machine's start (/proc/sys/kernel/random/boot_id): pids and clock ticks begin anew at each. */
  readonly bootId: string;
}

let boot: string | undefined;

export function bootId(): string {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return boot;
}

/** Fields of /proc/PID/stat. The second one, the name, may hold blanks and brackets, so fields are counted from the last bracket on. */
export function parseStat(stat: string): { readonly state: string; readonly startTime: number } {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", startTime: Number(fields[19]) };
}

/** Who has this pid now; undefined when nobody has. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat && { pid, startTime: stat.startTime, bootId: bootId() };
}

let own: ProcessIdentity | undefined;

/** This application's. Its pid and its start never change, so it is read once. */
export function ownIdentity(): ProcessIdentity {
  own ??= identify(process.pid);
  if (own) return own;
  throw new LibctError("ERR_CT_STATE", "there is no procfs at /proc", { path: "/proc" });
}

/** Whether the process still runs. A zombie does not: it only waits to be asked for its exit status. */
export function isRunning(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false;
  const stat = readStat(identity.pid);
  return stat !== undefined && stat.startTime === identity.startTime && stat.state !== "Z" && stat.state !== "X";
}

function readStat(pid: number): ReturnType<typeof parseStat> | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return undefined; // There is no such process (any more).
  }
}
