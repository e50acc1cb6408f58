import { LibctError } from "../errors.ts";
import {
  afterCheck,
  type HealthNotes,
  type HealthReport,
  isRunning,
  startTimeOf,
  untilNextCheck,
} from "../records/index.ts";
import type { Healthcheck } from "../spec/index.ts";
import type { ContainerRun, Watched } from "./container-events.ts";
import { type Entering, runCheck } from "./health-check.ts";
import type { RunningContainer } from "./running-container.ts";

/** A container that is there, as far as its health is concerned. */
export interface Checked extends Pick<Watched, "runs">, Entering {
  readonly name: string;
  readonly healthcheck: Healthcheck;
  readonly notes: HealthNotes;
  /** Throws ERR_CT_STATE when it does not run. */
  running(): Promise<RunningContainer>;
}

/** Makes one check now, and counts it. */
export async function checkOnce(checked: Checked): Promise<HealthReport> {
  const { notes } = checked;
  try {
    const running = await checked.running();
    if (notes.isHeld()) {
      throw new LibctError("ERR_CT_STATE", `container ${checked.name} waits to be started, and has no health yet`, {
        hint: `start it first: ct start ${checked.name}`,
      });
    }
    const report = await check(checked, running, new AbortController().signal);
    if (report) return report;
    throw new LibctError("ERR_CT_STATE", `container ${checked.name} has ended during the check`);
  } finally {
    notes.close();
  }
}

/** Makes a check at each interval, and gives what is known after it; ends with the container, or when the signal fires. */
export async function* watchHealth(
  checked: Checked,
  given: AbortSignal | undefined,
): AsyncGenerator<HealthReport, void, undefined> {
  const stop = new AbortController();
  const over = () => stop.abort();
  given?.addEventListener("abort", over);
  if (given?.aborted) over();
  try {
    for await (const run of checked.runs(stop.signal)) {
      yield* checksOfRun(checked, run, stop.signal);
      if (stop.signal.aborted) return;
    }
  } finally {
    over();
    given?.removeEventListener("abort", over);
    checked.notes.close();
  }
}

async function* checksOfRun(checked: Checked, run: ContainerRun, signal: AbortSignal): AsyncGenerator<HealthReport> {
  const stop = new AbortController();
  const over = () => stop.abort();
  signal.addEventListener("abort", over);
  if (signal.aborted) over();
  run.ended.then(over);
  try {
    const running = await unlessEnded(() => checked.running());
    while (running && !stop.signal.aborted) {
      const report = checked.notes.read(running.init);
      const wait = untilNextCheck(report, checked.healthcheck, beginOf(checked, running), Date.now());
      await pauseUnless(stop.signal, wait);
      if (stop.signal.aborted) return;
      // One that stands still is as it was, and one that waits to be started is nothing yet.
      const next = checked.notes.isHeld() ? undefined : await unlessEnded(() => check(checked, running, stop.signal));
      if (next) yield next;
    }
  } finally {
    over();
    signal.removeEventListener("abort", over);
  }
}

/** Undefined when the container has ended meanwhile, or nobody wants to know any more. */
async function check(
  checked: Checked,
  running: RunningContainer,
  signal: AbortSignal,
): Promise<HealthReport | undefined> {
  const result = await runCheck(checked, running, checked.healthcheck, signal);
  // A check that was killed with its container says nothing.
  if (signal.aborted || !isRunning(running.init)) return undefined;
  const began = beginOf(checked, running);
  return await checked.notes.change(running.init, (before) => afterCheck(before, result, checked.healthcheck, began));
}

/** When its command was executed, in milliseconds since the epoch. */
const beginOf = ({ notes }: Checked, { init }: RunningContainer) =>
  Math.max(startTimeOf(init.startTime), notes.releasedAt() ?? 0);

/** What cannot be done in the state that the container is in: it is paused, or has ended, or its record has gone. */
export async function unlessEnded<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    const passing = error instanceof LibctError && PASSING.has(error.code);
    // A disk that is full is no state of the container's.
    if (passing && (error.errno === undefined || error.errno === "ENOENT")) return undefined;
    throw error;
  }
}

const PASSING: ReadonlySet<string> = new Set(["ERR_CT_STATE", "ERR_CT_NO_SUCH_CONTAINER", "ERR_CT_ABORTED"]);

const pauseUnless = (signal: AbortSignal, milliseconds: number) =>
  new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
