import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { RECORD_FILE } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { randomHex } from "../linux/index.ts";
import { type ExitReport, exitOf, type OpenExit, openExit } from "./exit-report.ts";
import type { HealthReport } from "./health.ts";
import { readHealth } from "./health-file.ts";
import { isRunning } from "./process-identity.ts";
import { type ContainerRecord, decodeRecord, decodeState, encodeRecord, type RunningState } from "./record.ts";

/** All that is written about a container. */
export interface FoundRecord extends ExitReport {
  readonly name: string;
  readonly directory: string;
  readonly record: ContainerRecord;
  /** Of the last run; absent as long as the container has not stood. */
  readonly state: RunningState | undefined;
  /** Whether the first process, and the monitor, run. */
  readonly running: boolean;
  readonly monitored: boolean;
  /** Somebody has stopped it: it is not started again. */
  readonly stopping: boolean;
  /** What the last check has found in the last run, if there was one. */
  readonly health: HealthReport | undefined;
}

/** A directory whose record cannot be read: it is told of, and hinders no other. */
export interface UnreadableRecord {
  readonly name: string;
  readonly directory: string;
  readonly error: LibctError;
}

/** Records that are being made, or taken away, begin with what no container's name begins with. */
const HIDDEN = "~";

/** The containers of a user, each a directory with its name. A name is taken by a rename, which only one of several can win. */
export class RecordStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  /** Takes the name, and gives the directory. */
  reserve(name: string, record: ContainerRecord): string {
    const fresh = this.path(`${HIDDEN}new-${randomHex(8)}`);
    try {
      makeDirectory(this.directory);
      mkdirSync(fresh, { mode: 0o700 });
      writeFileSync(`${fresh}/${RECORD_FILE.SPEC}`, encodeRecord(record), { mode: 0o600 });
      this.#take(fresh, name);
    } catch (error) {
      if (existsSync(fresh)) rmSync(fresh, { recursive: true });
      throw error instanceof LibctError ? error : this.#cannotWrite(error);
    }
    return this.path(name);
  }

  /** Replaces what is known of a container, at once. */
  rewrite(name: string, record: ContainerRecord): void {
    const file = `${this.path(name)}/${RECORD_FILE.SPEC}`;
    const fresh = `${file}.${randomHex(8)}`;
    try {
      writeFileSync(fresh, encodeRecord(record), { mode: 0o600 });
      renameSync(fresh, file);
    } catch (error) {
      if (existsSync(fresh)) rmSync(fresh);
      throw this.#cannotWrite(error);
    }
  }

  rename(name: string, to: string): void {
    if (!this.has(name)) throw noSuchContainer(name);
    this.#take(this.path(name), to);
  }

  /** The directories are never empty, and onto such no other is renamed (rename(2), ENOTEMPTY). */
  #take(directory: string, name: string): void {
    try {
      renameSync(directory, this.path(name));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
      throw new LibctError("ERR_CT_NAME_IN_USE", `there is a container named ${name} already`, {
        member: "name",
        hint: `choose another name, or remove it: ct rm ${name}`,
      });
    }
  }

  /** Forgets a container: first under a name that nobody finds, so that a half-removed one is never seen. */
  remove(name: string): void {
    const doomed = this.path(`${HIDDEN}gone-${randomHex(8)}`);
    try {
      renameSync(this.path(name), doomed);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    rmSync(doomed, { recursive: true, force: true });
  }

  /** Throws ERR_CT_NO_SUCH_CONTAINER, or ERR_CT_STATE for a record that cannot be read. */
  read(name: string): FoundRecord {
    const directory = this.path(name);
    const record = this.readSpec(name);
    const text = readIfThere(`${directory}/${RECORD_FILE.STATE}`)?.toString("utf8");
    const state = text === undefined ? undefined : decodeState(text, record.bootId);
    return {
      name,
      directory,
      record,
      state,
      // Before the report of the end is read: who has ended by now has written it already.
      running: state !== undefined && isRunning(state.init),
      monitored: state !== undefined && isRunning(state.monitor),
      ...exitOf(readIfThere(`${directory}/${RECORD_FILE.EXIT}`)),
      stopping: existsSync(`${directory}/${RECORD_FILE.STOP}`),
      health: record.spec.healthcheck && state && readHealth(directory, state.init),
    };
  }

  /** As `read`, but only what was written when it was made. */
  readSpec(name: string): ContainerRecord {
    const directory = this.path(name);
    const spec = readIfThere(`${directory}/${RECORD_FILE.SPEC}`)?.toString("utf8");
    if (spec !== undefined) return decodeRecord(spec, `${directory}/${RECORD_FILE.SPEC}`);
    if (!this.has(name)) throw noSuchContainer(name);
    throw new LibctError("ERR_CT_STATE", `the container ${name} has no record`, { path: directory });
  }

  /** The report of a run that goes on, as long as nobody closes it: also when the container removes itself. Undefined: it is not there yet, or not any more. */
  openExit(name: string): OpenExit | undefined {
    return openExit(`${this.path(name)}/${RECORD_FILE.EXIT}`);
  }

  /** Every container, by name; one whose record cannot be read with its error. */
  list(): readonly (FoundRecord | UnreadableRecord)[] {
    return this.names().flatMap((name): (FoundRecord | UnreadableRecord)[] => {
      try {
        return [this.read(name)];
      } catch (error) {
        if (!(error instanceof LibctError)) throw error;
        // It went away while the others were read.
        return error.code === "ERR_CT_NO_SUCH_CONTAINER" ? [] : [{ name, directory: this.path(name), error }];
      }
    });
  }

  names(): readonly string[] {
    return this.#entries().filter((name) => !name.startsWith(HIDDEN));
  }

  /** What crashed applications left half-made or half-removed. */
  leftovers(): readonly string[] {
    return this.#entries().filter((name) => name.startsWith(HIDDEN));
  }

  #entries(): readonly string[] {
    try {
      return readdirSync(this.directory).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  #cannotWrite(cause: unknown): LibctError {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    return new LibctError("ERR_CT_STATE", `cannot write to the state directory ${this.directory}: ${code}`, {
      path: this.directory,
      errno: code,
      syscall,
      hint: WRITE_HINTS[code ?? ""] ?? "choose another with --root, or Host.open({ stateDirectory })",
      cause,
    });
  }
}

/** Of a whole path (`recursive`) Node.js tells another error than the true one. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

const WRITE_HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: remove containers that have ended (ct rm), or choose another directory with --root",
  EDQUOT: "the quota is used up: remove containers that have ended (ct rm), or choose another directory with --root",
};

export const noSuchContainer = (name: string) =>
  new LibctError("ERR_CT_NO_SUCH_CONTAINER", `there is no container named ${name}`, { hint: "`ct ps -a` lists them" });

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new LibctError("ERR_CT_STATE", `cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`, {
      path,
      cause: error,
    });
  }
}
