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
  readonly endedAt: Date;
  /** Seconds that it ran */
  readonly duration: number;
}

export function exitStatus(exit: Exit): ExitStatus {
  const killed = exit.how === "killed";
  return {
    exitCode: killed ? 128 + exit.status : exit.status,
    signal: killed ? (signalName(exit.status) ?? null) : null,
    coreDumped: exit.coreDumped,
    userTime: exit.userTime,
    systemTime: exit.systemTime,
    maxRss: exit.maxRss,
    endedAt: new Date(exit.endedAt),
    duration: exit.duration,
  };
}
