import { openSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import type { CallResult, Failure, ProgramRun, ProgramRunner } from "../../executor/index.ts";
import { hostArch } from "../../executor/index.ts";
import { E, errnoName, O } from "../../linux/index.ts";
import { beginAt, encodeProgram, OUT_OF_TURN, type Program, type WrittenCall } from "../../program/index.ts";
import { type LayerIds, READY, sessionProgram } from "./session-program.ts";

/** Mends what a call has stumbled over, and says at which operation it goes on; or throws. */
export type Mend<Call extends WrittenCall> = (call: Call, op: number, errno: number) => Promise<number>;

export interface Handlers<Call extends WrittenCall> {
  readonly mend: Mend<Call>;
  /** A call has been done to its end. */
  readonly done: (call: Call) => void;
}

/** Calls under way at once: while the executor carries out one, the next lies ready. More would not fit into the monitor's socket (net.core.wmem_default). */
const WINDOW = 2;

/** A process in a directory, and calls on their way to it in their order. */
export class Session<Call extends WrittenCall = WrittenCall> {
  readonly #run: ProgramRun;
  readonly #mend: Mend<Call>;
  readonly #done: (call: Call) => void;
  readonly #state: SessionState;
  readonly #flying: { call: Call; result: Promise<CallResult> }[] = [];
  #last = 0n;

  constructor(
    run: ProgramRun,
    state: SessionState,
    { mend = refuse, done = () => undefined }: Partial<Handlers<Call>>,
  ) {
    this.#run = run;
    this.#state = state;
    this.#mend = mend;
    this.#done = done;
  }

  get busy(): boolean {
    return this.#flying.length > 0;
  }

  /** Sends a call; waits while too many are under way. */
  async submit(call: Call): Promise<void> {
    await this.#settle(WINDOW - 1);
    this.#flying.push({ call, result: this.#run.call(call.frame, true) });
  }

  /** Waits until all is done; gives the result of the last system call. */
  async flush(): Promise<bigint> {
    await this.#settle(0);
    return this.#last;
  }

  /** A program beside those that keep their turn: for what mends. */
  async call(program: Uint8Array): Promise<CallResult> {
    const result = await this.#run.call(program);
    if (result.errno === E.ESRCH) throw this.#state.error ?? gone();
    return result;
  }

  /** Listens to what SEND gives. */
  set onData(listen: (code: number, bytes: Uint8Array) => void) {
    this.#state.onData = listen;
  }

  /** Opens one of the process's own descriptors; the link leads to the file itself, so no path is followed. */
  open(descriptor: bigint, flags: number): number {
    return openSync(`/proc/${this.#state.pid}/fd/${descriptor}`, flags | O.CLOEXEC);
  }

  /** Ends the process, whatever it was about to do, and waits until it is gone. */
  async close(): Promise<void> {
    // Of one that has ended the number may be another's by now.
    if (!this.#state.ended) this.#run.go(new Uint8Array(0));
    await this.#state.done;
  }

  async #settle(most: number): Promise<void> {
    while (this.#flying.length > most) {
      const first = this.#flying[0];
      if (!first) return;
      const result = await first.result;
      if (result.errno === 0) {
        this.#last = result.value;
        this.#flying.shift();
        this.#done(first.call);
      } else await this.#goOn(first.call, result);
    }
  }

  /** What was sent after a call that has failed was not done either: all is sent again, when the cause is removed. */
  async #goOn(call: Call, result: CallResult): Promise<void> {
    await Promise.all(this.#flying.map((flight) => flight.result));
    if (result.errno === E.ESRCH && this.#state.ended) throw this.#state.error ?? gone();
    const notBegun = result.op === 0 && (result.errno === OUT_OF_TURN || result.errno === E.EAGAIN);
    if (!notBegun) beginAt(call, await this.#mend(call, result.op, result.errno));
    for (const flight of this.#flying) {
      flight.result = this.#run.call(flight.call.frame, true);
      // One at a time: they may have been too many for the socket.
      if (notBegun) await flight.result;
    }
  }
}

interface SessionState {
  pid: number;
  ended: boolean;
  error: LibctError | undefined;
  done: Promise<void>;
  onData: ((code: number, bytes: Uint8Array) => void) | undefined;
}

/** Starts a process in an existing directory. */
export async function openSession<Call extends WrittenCall = WrittenCall>(
  runner: ProgramRunner,
  directory: string,
  ids: LayerIds | undefined,
  handlers: Partial<Handlers<Call>> = {},
): Promise<Session<Call>> {
  const program = sessionProgram(hostArch(), directory, ids);
  const state: SessionState = { pid: 0, ended: false, error: undefined, done: Promise.resolve(), onData: undefined };
  const ended = later();
  const ready = later();
  state.done = ended.promise;
  const run = runner.run(encodeProgram(program), {
    notify: (code, [pid = 0]) => {
      if (code !== READY) return;
      state.pid = pid;
      ready.resolve();
    },
    data: (code, bytes) => state.onData?.(code, bytes),
    fail: (failure) => {
      state.error ??= startError(program, failure);
    },
    done: (error) => {
      state.ended = true;
      state.error ??= error;
      ready.reject(state.error ?? gone());
      ended.resolve();
    },
  });
  // Whoever waits for it gets it; when it was ready before, nobody does.
  ready.promise.catch(() => undefined);
  await ready.promise;
  return new Session<Call>(run, state, handlers);
}

/** Node 20 has no Promise.withResolvers. */
function later() {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function startError(program: Program, failure: Failure): LibctError {
  const op = program.blocks[failure.block]?.ops[failure.op];
  const errno = errnoName(failure.errno);
  const userNamespace = op?.why === "make a user namespace";
  return new LibctError(
    userNamespace ? "ERR_CT_NOT_PERMITTED" : "ERR_CT_SYSCALL",
    `${op?.why ?? "enter the layer's directory"}: ${errno}`,
    { errno, ...(userNamespace ? { hint: "see `ct doctor` for what forbids user namespaces here" } : {}) },
  );
}

const refuse = async (_call: WrittenCall, _op: number, errno: number): Promise<number> => {
  throw new LibctError("ERR_CT_SYSCALL", `a file operation failed: ${errnoName(errno)}`, { errno: errnoName(errno) });
};

const gone = () => new LibctError("ERR_CT_EXECUTOR", "the process that unpacks was killed");
