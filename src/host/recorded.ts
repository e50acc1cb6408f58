import { closeSync, constants as fsConstants, openSync, readSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { letDie } from "../cgroup/index.ts";
import { HOOKS_DONE, RECORD_FILE } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { lock, type Zygote } from "../executor/index.ts";
import { AT, O, pause, SIG, TIOC, u16s } from "../linux/index.ts";
import {
  type FoundRecord,
  isHeld,
  isRunning,
  type LogEntry,
  type LogOptions,
  onProcess,
  type ProcessIdentity,
  type RecordStore,
  type RunningState,
  readLog,
  type StatusReport,
  signalProcess,
  statusOf,
  whenEnded,
} from "../records/index.ts";
import type { ContainerSpec } from "../spec/index.ts";
import { type Attachment, attach } from "./attach.ts";
import type { ContainerRun } from "./container-events.ts";
import { endsBy } from "./default-action.ts";
import { type ExitStatus, exitStatus, tellsOfOomKill } from "./exit-status.ts";
import { isImageRoot, removeOwnLayer } from "./images/own-layer.ts";
import { type ContainerInfo, describe } from "./inspect.ts";
import { runPoststart, runPoststop } from "./late-hooks.ts";
import { notRunning } from "./not-running.ts";
import { clearOwnCgroup } from "./repair.ts";
import { runsOf } from "./runs.ts";
import { numberOf } from "./signal-number.ts";
import { clearWork } from "./work-directory.ts";

export interface StopOptions {
  /** What asks it to end. Default: its specification's `stopSignal`, else SIGTERM */
  readonly signal?: NodeJS.Signals | number;
  /** Seconds until it is killed. Default: 10 */
  readonly timeout?: number;
}

/** What can be done with a container by its record alone: by any process of its user, whoever started it. */
export class Recorded {
  readonly #zygote: Zygote;
  readonly #store: RecordStore;
  #name: string;

  constructor(zygote: Zygote, store: RecordStore, name: string) {
    this.#zygote = zygote;
    this.#store = store;
    this.#name = name;
  }

  get name(): string {
    return this.#name;
  }

  read(): FoundRecord {
    return this.#store.read(this.#name);
  }

  /** Throws when there is no such container. */
  specIfReadable(): ContainerSpec {
    try {
      return this.read().record.spec;
    } catch (error) {
      if (error instanceof LibctError && error.code === "ERR_CT_STATE") return {};
      throw error;
    }
  }

  status(): StatusReport {
    return statusOf(this.read());
  }

  /** Who the container's first process is; throws when none runs. */
  init(): ProcessIdentity {
    const { state } = this.read();
    if (state && isRunning(state.init)) return state.init;
    throw notRunning(this.#name);
  }

  async kill(signal: NodeJS.Signals | number): Promise<void> {
    const reached = await signalProcess(this.#zygote, this.init(), numberOf(signal));
    if (!reached) throw notRunning(this.#name);
  }

  /** Resolves when it has ended and will not be started again. */
  async wait(): Promise<ExitStatus> {
    for (;;) {
      const found = this.read();
      const { state, record } = found;
      if (state && found.running && record.spec.lifetime === "orphan") await whenEnded(this.#zygote, state.init);
      else if (state && found.monitored) {
        const last = await this.#whenEnded(found, state);
        if (last) return last;
      } else if (state || found.exit || !isRunning(record.creator)) return this.#ended(found);
      else await untilChanged(() => this.read().state !== undefined || !isRunning(record.creator));
    }
  }

  /** A container that removes itself leaves nothing to be read: its report is opened before that. */
  async #whenEnded({ record }: FoundRecord, { monitor }: RunningState): Promise<ExitStatus | undefined> {
    const { lifetime, autoRemove } = record.spec;
    const report = lifetime !== "host" || autoRemove ? this.#store.openExit(this.#name) : undefined;
    try {
      await whenEnded(this.#zygote, monitor);
      const { exit, memoryEvents } = report?.read() ?? {};
      return exit && exitStatus(exit, memoryEvents && tellsOfOomKill(memoryEvents));
    } finally {
      report?.close();
    }
  }

  /** The present run, and those that follow it. */
  runs(signal: AbortSignal): AsyncIterable<ContainerRun> | Iterable<ContainerRun> {
    const { restart } = this.read().record.spec;
    if (restart && restart.policy !== "no") return runsOf(() => this.read(), this.#zygote, signal);
    return [{ restarts: 0, ended: this.wait().catch(() => undefined) }];
  }

  #ended({ exit, state, memoryEvents, record }: FoundRecord): ExitStatus {
    if (exit) return exitStatus(exit, memoryEvents && tellsOfOomKill(memoryEvents));
    const killed = "its monitor was killed, or the machine restarted";
    const orphaned = record.spec.lifetime === "orphan" ? "whoever adopted it knows" : killed;
    const why = state === undefined ? "it never ran" : orphaned;
    throw new LibctError("ERR_CT_STATE", `how container ${this.#name} ended is not known: ${why}`);
  }

  /** Asks it to end, kills it when it does not, and waits for that. No restart follows. */
  async stop({ signal: given, timeout = 10 }: StopOptions = {}): Promise<void> {
    const found = this.read();
    const signal = given ?? found.record.spec.stopSignal ?? "SIGTERM";
    const { status, restarting } = statusOf(found);
    if (status === "stopped" && !found.monitored) return;
    writeFileSync(`${found.directory}/${RECORD_FILE.STOP}`, "", { mode: 0o600 });
    const { state } = found;
    if (!state) return;
    if (restarting) await signalProcess(this.#zygote, state.monitor, SIG.TERM);
    else await this.#end(found, status === "created" ? "SIGKILL" : signal, timeout);
    await whenEnded(this.#zygote, state.monitor);
  }

  async #end(
    { state, record: { cgroup } }: FoundRecord,
    signal: NodeJS.Signals | number,
    timeout: number,
  ): Promise<void> {
    if (!state) return;
    // Nobody wrote it as an init: it would not notice, and the time would pass for nothing.
    const first = endsBy(state.init.pid, signal) ? "SIGKILL" : signal;
    await signalProcess(this.#zygote, state.init, numberOf(first));
    // What stands still hears nothing, and with the freezer of version 1 it does not even die.
    if (cgroup) letDie(cgroup);
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeout * 1000);
    const given = new Promise<void>((resolve) => late.signal.addEventListener("abort", () => resolve()));
    const ended = whenEnded(this.#zygote, state.init);
    await Promise.race([ended, given]);
    clearTimeout(timer);
    if (late.signal.aborted) await signalProcess(this.#zygote, state.init, SIG.KILL);
    await ended;
  }

  /** Lets a container go that was held before its command. */
  async start(): Promise<void> {
    const found = this.read();
    const { directory, record, state } = found;
    const { status } = statusOf(found);
    if (status !== "created") throw this.#notCreated(status);
    const fifo = `${directory}/${RECORD_FILE.START}`;
    const fd = openSync(fifo, fsConstants.O_RDWR | fsConstants.O_NONBLOCK);
    try {
      // Of several who start it one renames the file, and a file of that name is what a created container has.
      renameSync(fifo, `${directory}/${RECORD_FILE.STARTED}`);
      writeSync(fd, "\n");
      if (record.spec.lifetime === "orphan" && record.spec.hooks?.startContainer?.length) {
        await untilChanged(() => state === undefined || !isHeld(state.init.pid));
        if (!hooksAreDone(fd)) throw hooksFailed();
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw this.#notCreated("running");
      throw error;
    } finally {
      closeSync(fd);
    }
    if (!record.spec.hooks?.poststart) return;
    await untilChanged(() => state === undefined || !isHeld(state.init.pid));
    await runPoststart(record.spec, state?.init.pid, () => this.stop({ signal: "SIGKILL" }));
  }

  #notCreated(status: string): LibctError {
    const message = `container ${this.#name} is ${status}, and only a created one can be started`;
    return new LibctError("ERR_CT_STATE", message);
  }

  /** All that is known of it. */
  info(): ContainerInfo {
    const found = this.read();
    return describe(found, statusOf(found));
  }

  attach(spec: ContainerSpec, signal: AbortSignal | undefined): Attachment {
    return attach(this, spec, signal);
  }

  logs(options: LogOptions): AsyncGenerator<LogEntry> {
    const { directory } = this.read();
    const ended = options.follow ? this.#over() : Promise.resolve();
    return readLog(directory, options, ended);
  }

  async #over(): Promise<void> {
    await this.wait().catch(() => undefined); // However it ended: there will be no more.
  }

  /** The size of the terminal that its first process has, in characters. */
  async resize(columns: number, rows: number): Promise<void> {
    const init = this.init();
    await onProcess(this.#zygote, init, (block) => {
      // Its standard input is what the container makes of it: neither a FIFO nor a device may stop us.
      const path = block.str(`/proc/${init.pid}/fd/0`);
      const terminal = block.sysResult("terminal", "openat", [
        AT.FDCWD,
        path,
        O.RDWR | O.NOCTTY | O.NONBLOCK | O.CLOEXEC,
        0,
      ]);
      block.sys("ioctl", [terminal, TIOC.SWINSZ, block.memory.bytes(u16s(rows, columns, 0, 0))]);
    });
  }

  async rename(to: string): Promise<void> {
    await this.#locked(async () => {
      this.#store.rename(this.#name, to);
      this.#name = to;
    });
  }

  /** Removes what is left of a container that has ended; with `force` it is killed first. */
  async remove({ force = false }: { readonly force?: boolean } = {}): Promise<void> {
    if (force && !(await this.#forceEnd())) {
      this.#store.remove(this.#name);
      return;
    }
    const { state } = this.read();
    // One that has just ended is still being cleaned up.
    if (state && isRunning(state.monitor) && this.status().status === "stopped") {
      await Promise.race([whenEnded(this.#zygote, state.monitor), pause(CLEAN_UP_MS)]);
    }
    const found = this.read();
    const { status, restarting } = statusOf(found);
    if (status !== "stopped" || restarting) {
      throw new LibctError("ERR_CT_STATE", `container ${this.#name} is ${restarting ? "restarting" : status}`, {
        hint: `stop it first (ct stop ${this.#name}), or use --force`,
      });
    }
    const { record } = found;
    // Its monitor has removed them already, unless it was killed, or has left its container to itself.
    await clearOwnCgroup(found);
    clearWork(this.#store, this.#name, record.work);
    if (isImageRoot(record.spec.root)) await removeOwnLayer(this.#zygote, record.spec.root);
    this.#store.remove(this.#name);
    await runPoststop(record.spec);
  }

  /** False for a record that nobody can read: it has no process that anybody could know. */
  async #forceEnd(): Promise<boolean> {
    try {
      this.read();
    } catch (error) {
      if (error instanceof LibctError && error.code === "ERR_CT_STATE") return false;
      throw error;
    }
    await this.stop({ signal: "SIGKILL", timeout: 1 });
    return true;
  }

  #locked<T>(action: () => Promise<T>): Promise<T> {
    return lock(this.#zygote, `${this.read().directory}/${RECORD_FILE.LOCK}`, action);
  }
}

/** The FIFO keeps what init has written as long as we have it open. */
function hooksAreDone(fifo: number): boolean {
  try {
    const answer = Buffer.alloc(1);
    return readSync(fifo, answer) === 1 && answer.toString() === HOOKS_DONE;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false; // It has ended before it could say so.
    throw error;
  }
}

const hooksFailed = () =>
  new LibctError("ERR_CT_HOOK", "a startContainer hook failed, or the container ended before it", {
    member: "hooks.startContainer",
    hint: "the hook's own words are in the container's output",
  });

/** How long a monitor may take for that; one that waits to start its container again takes longer. */
const CLEAN_UP_MS = 80;

const LOOK_MS = 5;

/** For what the kernel does not tell of: a file that somebody writes, a process that becomes another program. */
async function untilChanged(test: () => boolean): Promise<void> {
  while (!test()) await pause(LOOK_MS);
}
