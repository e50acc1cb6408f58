import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { HEALTH_FILE, RECORD_FILE } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { lock, type ProgramRunner } from "../executor/index.ts";
import { type HealthReport, type HealthStatus, UNCHECKED } from "./health.ts";

import { Changes } from "./log.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** What is known of the health of a container's runs. */
export interface HealthNotes {
  /** Of this run. */
  read(run: ProcessIdentity): HealthReport;
  change(run: ProcessIdentity, to: (before: HealthReport) => HealthReport): Promise<HealthReport>;
  /** What is written of this run, and what is written there later by whomever. */
  reports(run: ProcessIdentity, signal: AbortSignal): AsyncIterable<HealthReport>;
  /** Its command still waits to be started. */
  isHeld(): boolean;
  /** When its command was let go, if it has waited: milliseconds since the epoch */
  releasedAt(): number | undefined;
  close(): void;
}

/** Of a container without a record. */
export class HealthMemory implements HealthNotes {
  #run: ProcessIdentity | undefined;
  #report = UNCHECKED;
  #changed: () => void = () => undefined;
  #change = this.#nextChange();

  read(run: ProcessIdentity): HealthReport {
    return this.#run && isSameRun(this.#run, run) ? this.#report : UNCHECKED;
  }

  async change(run: ProcessIdentity, to: (before: HealthReport) => HealthReport): Promise<HealthReport> {
    this.#report = to(this.read(run));
    this.#run = run;
    this.#changed();
    return this.#report;
  }

  async *reports(run: ProcessIdentity, signal: AbortSignal): AsyncGenerator<HealthReport> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    while (!signal.aborted) {
      const change = this.#change;
      if (this.#run && isSameRun(this.#run, run)) yield this.#report;
      await Promise.race([change, aborted]);
    }
  }

  /** Of all who wait for it. */
  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        this.#change = this.#nextChange();
        resolve();
      };
    });
  }

  isHeld(): boolean {
    return false;
  }

  releasedAt(): undefined {
    return undefined;
  }

  close(): void {
    // It has nothing open.
  }
}

/** Of a container with a record: by a descriptor of its directory, so that another container which has its name by now is never meant. */
export class HealthFile implements HealthNotes {
  readonly #runner: ProgramRunner;
  readonly #fd: number;

  constructor(runner: ProgramRunner, directory: string) {
    this.#runner = runner;
    this.#fd = openDirectory(directory);
  }

  read(run: ProcessIdentity): HealthReport {
    return readHealth(this.#path, run) ?? UNCHECKED;
  }

  /** One at a time: a check that somebody asks for comes in between those at intervals. */
  change(run: ProcessIdentity, to: (before: HealthReport) => HealthReport): Promise<HealthReport> {
    return lock(this.#runner, `${this.#path}/${RECORD_FILE.LOCK}`, async () => {
      const report = to(this.read(run));
      writeHealth(this.#path, run, report);
      return report;
    });
  }

  isHeld(): boolean {
    return existsSync(`${this.#path}/${RECORD_FILE.START}`);
  }

  /** Whoever lets it go renames the file and writes into it, and nobody touches it afterwards. */
  releasedAt(): number | undefined {
    return statSync(`${this.#path}/${RECORD_FILE.STARTED}`, { throwIfNoEntry: false })?.ctimeMs;
  }

  async *reports(run: ProcessIdentity, signal: AbortSignal): AsyncGenerator<HealthReport> {
    const changes = new Changes(this.#path, new Promise(() => undefined), signal);
    try {
      while (!changes.isOver) {
        const report = readHealth(this.#path, run);
        if (report) yield report;
        await changes.next();
      }
    } finally {
      changes.close();
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** As any process of this user sees it: the lock is the executor's. */
  get #path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }
}

function openDirectory(directory: string): number {
  try {
    return openSync(directory, "r");
  } catch (cause) {
    throw failed("read", directory, cause);
  }
}

/** What the file holds: for which run, as it says nothing of the next one. */
interface Written extends HealthReport {
  readonly run: ProcessIdentity;
}

/** Undefined when nothing is written of this run. Throws ERR_CT_STATE for what was not written by libct. */
export function readHealth(directory: string, run: ProcessIdentity): HealthReport | undefined {
  const path = `${directory}/${HEALTH_FILE.REPORT}`;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw failed("read", path, cause);
  }
  try {
    const { run: writtenOf, status, failingStreak, last } = JSON.parse(text) as Written;
    if (!isSameRun(writtenOf, run)) return undefined;
    if (!STATUSES.has(status) || !last) throw new TypeError("it has no valid status or check");
    const times = { started: new Date(last.started), ended: new Date(last.ended) };
    return { status, failingStreak, last: { ...times, exitCode: last.exitCode, output: last.output } };
  } catch (cause) {
    throw failed("read", path, cause);
  }
}

const STATUSES: ReadonlySet<unknown> = new Set<HealthStatus>(["starting", "healthy", "unhealthy"]);

function writeHealth(directory: string, run: ProcessIdentity, report: HealthReport): void {
  const [path, fresh] = [`${directory}/${HEALTH_FILE.REPORT}`, `${directory}/${HEALTH_FILE.FRESH}`];
  try {
    const written: Written = { run, ...report };
    writeFileSync(fresh, `${JSON.stringify(written)}\n`, { mode: 0o600 });
    renameSync(fresh, path);
  } catch (cause) {
    throw failed("write", path, cause);
  }
}

const isSameRun = (a: ProcessIdentity, b: ProcessIdentity) =>
  a.pid === b.pid && a.startTime === b.startTime && a.bootId === b.bootId;

/** Without a code: what is written there is wrong. */
function failed(what: "read" | "write", path: string, cause: unknown): LibctError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = code ?? message;
  return new LibctError("ERR_CT_STATE", `cannot ${what} the container's health, ${path}: ${why}`, {
    path,
    errno: code,
    cause,
  });
}
