import { setTimeout as pause } from "node:timers/promises";
import { LibctError } from "../errors.ts";
import type { ProgramRunner } from "../executor/index.ts";
import { type FoundRecord, isRunning, type RunningState, whenEnded } from "../records/index.ts";
import type { ContainerRun } from "./container-events.ts";
import { type ExitStatus, exitStatus, tellsOfOomKill } from "./exit-status.ts";

/** Reads a container's record anew each time. */
export type ReadRecord = () => FoundRecord;

/** The present run of a container, or the last one when it waits to be started again, and each that follows by its restart policy. */
export async function* runsOf(
  read: ReadRecord,
  runner: ProgramRunner,
  signal: AbortSignal,
): AsyncGenerator<ContainerRun> {
  let state = unlessRemoved(read)?.state;
  while (state) {
    yield { restarts: state.restarts, ended: endOf(read, runner, state) };
    state = await nextRun(read, state, signal);
  }
}

/** The monitor writes it down soon after the first process has ended. Undefined: it was killed before, or the record is gone. */
async function endOf(read: ReadRecord, runner: ProgramRunner, run: RunningState): Promise<ExitStatus | undefined> {
  await whenEnded(runner, run.init).catch(() => undefined);
  for (;;) {
    // Before the report is read: who has ended by now has written it already.
    const monitored = isRunning(run.monitor);
    const found = unlessRemoved(read);
    if (!found) return undefined;
    const { exit, exitRun, memoryEvents } = found;
    if (exit && exitRun === run.restarts) return exitStatus(exit, memoryEvents && tellsOfOomKill(memoryEvents));
    if (!monitored || found.state?.restarts !== run.restarts) return undefined;
    await pause(LOOK_MS);
  }
}

async function nextRun(read: ReadRecord, last: RunningState, signal: AbortSignal): Promise<RunningState | undefined> {
  while (!signal.aborted) {
    const monitored = isRunning(last.monitor);
    const state = unlessRemoved(read)?.state;
    if (state && state.restarts !== last.restarts) return state;
    if (!state || !monitored) return undefined;
    await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

/** A run is there for a tenth of a second at least, as so long is waited before the next: none is missed. */
const LOOK_MS = 20;

function unlessRemoved(read: ReadRecord): FoundRecord | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof LibctError && error.code === "ERR_CT_NO_SUCH_CONTAINER") return undefined;
    throw error;
  }
}
