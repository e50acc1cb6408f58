import type { Exit } from "../executor/index.ts";
import { signalName } from "../linux/index.ts";

/** How a process ended. */
export interface ExitStatus {
  /** The process's exit status, or 128 and the signal's number. */
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | null;
  readonly coreDumped: boolean;
  /** Seconds of processor time. */
  readonly userTime: number;
  readonly systemTime: number;
  /** Bytes */
  readonly maxRss: number;
  /** Whether the kernel killed processes of the container because memory was short. Undefined without a cgroup that would know. */
  readonly oomKilled?: boolean;
  readonly endedAt: Date;
  /** Seconds that it ran */
  readonly duration: number;
}

export function exitStatus(exit: Exit, oomKilled?: boolean): ExitStatus {
  const killed = exit.how === "killed";
  return {
    exitCode: killed ? 128 + exit.status : exit.status,
    signal: killed ? (signalName(exit.status) ?? null) : null,
    coreDumped: exit.coreDumped,
    userTime: exit.userTime,
    systemTime: exit.systemTime,
    maxRss: exit.maxRss,
    ...(oomKilled === undefined ? {} : { oomKilled }),
    endedAt: new Date(exit.endedAt),
    duration: exit.duration,
  };
}

/** "oom_kill 3" is a line of memory.events and of memory.oom_control (since Linux 4.13). */
export const tellsOfOomKill = (events: Uint8Array): boolean =>
  /^oom_kill [1-9]/m.test(Buffer.from(events).toString("latin1"));
