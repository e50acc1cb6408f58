import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { isFrozen } from "../cgroup/index.ts";
import { RECORD_FILE } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { isRunning } from "./process-identity.ts";
import type { FoundRecord } from "./store.ts";

/** As in the OCI runtime-spec; "paused" as engines add it. */
export type Status = "creating" | "created" | "running" | "paused" | "stopped";

/** What is true of a container at this moment, whatever its record says. */
export interface StatusReport {
  readonly status: Status;
  /** Of the first process, while there is one. */
  readonly pid: number | undefined;
  /** The monitor waits to start it again. */
  readonly restarting: boolean;
  /** It ended and nobody could write down how: its monitor was killed, or the machine restarted. */
  readonly lost: boolean;
  /** Milliseconds since the epoch */
  readonly startedAt: number | undefined;
}

/** Looks at the processes and at the freezer. */
export function statusOf(found: FoundRecord): StatusReport {
  const { record, state, exit, running, monitored } = found;
  const nothing = { pid: undefined, restarting: false, lost: false, startedAt: undefined };
  if (state === undefined) {
    const making = isRunning(record.creator) && exit === undefined;
    return { ...nothing, status: making ? "creating" : "stopped", lost: !making && exit === undefined };
  }
  const startedAt = startTimeOf(state.init.startTime);
  if (running) {
    const held = record.held && isUnreleased(found) && isHeld(state.init.pid);
    const status = held ? "created" : isPaused(found) ? "paused" : "running";
    return { ...nothing, status, pid: state.init.pid, startedAt };
  }
  const restarting = monitored && isWanted(found);
  // Nobody is asked to write down how an orphan ends.
  const lost = exit === undefined && !monitored && record.spec.lifetime !== "orphan";
  return { ...nothing, status: "stopped", restarting, lost, startedAt };
}

/** Whoever lets it go renames the file. */
const isUnreleased = ({ directory }: FoundRecord): boolean => existsSync(`${directory}/${RECORD_FILE.START}`);

/** A container that waits to be started still executes what made it (the kernel's name of a memfd: memfd_create(2)). */
export function isHeld(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).startsWith("/memfd:ct-executor");
  } catch {
    return false; // It has ended, or has become somebody whom we may not look at: both come after the start.
  }
}

/** Whether its policy asks for another run; how many there may be only the monitor knows. */
function isWanted({ record, exit, stopping }: FoundRecord): boolean {
  const policy = record.spec.restart?.policy ?? "no";
  if (policy === "no" || stopping) return false;
  const succeeded = exit?.how === "exited" && exit.status === 0;
  return policy === "always" || !succeeded;
}

/** The freezer may have gone meanwhile, with the container. */
function isPaused({ record }: FoundRecord): boolean {
  try {
    return record.cgroup !== undefined && isFrozen(record.cgroup);
  } catch (error) {
    if (error instanceof LibctError) return false;
    throw error;
  }
}

/** USER_HZ, which is 100 on every architecture that libct runs on (time(7)). */
const TICKS_PER_SECOND = 100;

/** Clock ticks since the machine's start as milliseconds since the epoch. */
export function startTimeOf(ticks: number): number {
  return Math.round(Date.now() + (ticks / TICKS_PER_SECOND - uptime()) * 1000);
}

/** Seconds since the machine's start, by the clock that start times are told in. (node:os has it too, and takes its time to load.) */
const uptime = (): number => Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);
