import { closeSync, openSync, readFileSync } from "node:fs";
import { type Exit, readExit } from "../executor/index.ts";
import { LIMIT } from "../program/index.ts";

/** What is written about a run when it has ended. */
export interface ExitReport {
  /** How the last run that has ended did so. */
  readonly exit: Exit | undefined;
  /** Which one that was: how often the container had been started again. */
  readonly exitRun: number | undefined;
  /** What the memory controller has seen in it: lines of memory.events, or of memory.oom_control. */
  readonly memoryEvents: Uint8Array | undefined;
}

const NOTHING: ExitReport = { exit: undefined, exitRun: undefined, memoryEvents: undefined };
const EVENTS_AT = LIMIT.EXIT_REPORT + 8;

/** The executor's report, the number of the run (64 bits), and the lines, as compile/record.ts has them written. */
export function exitOf(bytes: Buffer | undefined): ExitReport {
  if (bytes === undefined || bytes.length < EVENTS_AT) return NOTHING;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // 0: the set-up of that run failed.
  if (view.getUint32(0, true) === 0) return NOTHING;
  const memoryEvents = bytes.length > EVENTS_AT ? bytes.subarray(EVENTS_AT) : undefined;
  return { exit: readExit(view), exitRun: Number(view.getBigUint64(LIMIT.EXIT_REPORT, true)), memoryEvents };
}

/** A report that may be written later, and read when its name is gone. */
export interface OpenExit {
  read(): ExitReport;
  close(): void;
}

/** The monitor makes room for the report when it begins, and gives it its name when it has written it. */
export function openExit(path: string): OpenExit | undefined {
  const fd = openIfThere(`${path}.new`) ?? openIfThere(path);
  if (fd === undefined) return undefined;
  return { read: () => exitOf(readFileSync(fd)), close: () => closeSync(fd) };
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
