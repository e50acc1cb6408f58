import { LibctError } from "../errors.ts";
import { EVENT, LIMIT, PROTOCOL_VERSION, REQUEST } from "../program/index.ts";
import type { Channel, ChannelListener } from "./channel.ts";
import { encodeFrame, type Frame, FrameReader, writeFrameHeader } from "./frames.ts";

/** Where an operation failed: block and operation as they were compiled. */
export interface Failure {
  readonly block: number;
  readonly op: number;
  readonly errno: number;
  readonly epilogue: boolean;
}

/** How the supervised process ended. */
export interface Exit {
  readonly how: "exited" | "killed";
  /** Exit status, or the signal's number. */
  readonly status: number;
  readonly coreDumped: boolean;
  /** Seconds */
  readonly userTime: number;
  readonly systemTime: number;
  /** Bytes */
  readonly maxRss: number;
  /** Milliseconds since the epoch */
  readonly endedAt: number;
  /** Seconds that it ran */
  readonly duration: number;
}

/** What a running program tells. `done` comes last, once. */
export interface ProgramListener {
  notify?(code: number, values: readonly number[]): void;
  data?(code: number, bytes: Uint8Array): void;
  fail?(failure: Failure): void;
  exit?(exit: Exit): void;
  /** The monitor was killed, and has cleaned up nothing. `done` follows. */
  lost?(): void;
  /** Everything is cleaned up; with an error when the monitor was lost or refused the program. */
  done?(error: LibctError | undefined): void;
}

interface Run {
  readonly listener: ProgramListener;
  readonly calls: Map<number, { resolve(value: CallResult): void }>;
}

export interface CallResult {
  readonly errno: number;
  readonly op: number;
  readonly value: bigint;
}

/** The executor process of one Host. */
export class Zygote {
  readonly #open: (listener: ChannelListener) => Channel;
  #channel: Channel | undefined;
  readonly #reader = new FrameReader();
  readonly #runs = new Map<number, Run>();
  #nextId = 0;
  #nextSeq = 1;
  #ended: LibctError | undefined;
  readonly #hello: Promise<void>;
  #greet: { resolve(): void; reject(error: unknown): void } | undefined;

  /** With `later` it is started when it is needed for the first time. */
  constructor(open: (listener: ChannelListener) => Channel, later = false) {
    this.#open = open;
    this.#hello = new Promise((resolve, reject) => {
      this.#greet = { resolve, reject };
    });
    if (!later) this.#opened();
  }

  #opened(): Channel {
    this.#channel ??= this.#open({
      data: (chunk) => {
        for (const frame of this.#reader.push(chunk)) this.#receive(frame);
      },
      ended: (message, cause) => this.#end(message, cause),
    });
    return this.#channel;
  }

  get pid(): number {
    return this.#opened().pid;
  }

  /** Resolves when the executor is ready to run programs. */
  async ready(): Promise<void> {
    await this.#hello;
    this.#idle();
  }

  /** Runs a program in a process of its own. */
  run(program: Uint8Array, listener: ProgramListener): ProgramRun {
    if (this.#ended) throw this.#ended;
    const id = this.#allocate();
    this.#runs.set(id, { listener, calls: new Map() });
    const channel = this.#opened();
    channel.hold(true);
    channel.write(encodeFrame(REQUEST.RUN, id, program));
    return {
      go: (bytes) => this.#go(id, bytes),
      call: (callProgram, framed = false) =>
        this.#call(id, (seq) =>
          framed
            ? writeFrameHeader(callProgram, REQUEST.CALL, id, seq)
            : encodeFrame(REQUEST.CALL, id, callProgram, seq),
        ),
      forget: () => this.#forget(id),
    };
  }

  /** Ends the executor; what still runs is killed and cleaned up by its monitors. */
  close(): Promise<void> {
    return this.#channel?.close() ?? Promise.resolve();
  }

  #go(id: number, bytes: Uint8Array): void {
    this.#channel?.write(encodeFrame(REQUEST.GO, id, bytes));
  }

  #call(id: number, frame: (seq: number) => Uint8Array): Promise<CallResult> {
    return new Promise((resolve) => {
      const run = this.#runs.get(id);
      const seq = this.#nextSeq++;
      if (!run) {
        resolve(GONE);
        return;
      }
      run.calls.set(seq, { resolve });
      this.#channel?.write(frame(seq));
    });
  }

  #allocate(): number {
    for (let tries = 0; tries < LIMIT.MAX_CONTAINERS; tries++) {
      const id = this.#nextId;
      this.#nextId = (id + 1) % LIMIT.MAX_CONTAINERS;
      if (!this.#runs.has(id)) return id;
    }
    throw new LibctError("ERR_CT_EXECUTOR", `one Host runs at most ${LIMIT.MAX_CONTAINERS} containers`);
  }

  #receive(frame: Frame): void {
    if (frame.type === EVENT.HELLO) {
      this.#greeted(frame.payload);
      return;
    }
    const run = this.#runs.get(frame.id);
    if (!run) return;
    const { listener } = run;
    const { payload } = frame;
    if (frame.type === EVENT.NOTIFY) listener.notify?.(frame.code, readValues(payload));
    else if (frame.type === EVENT.DATA) listener.data?.(frame.code, readBytes(payload));
    else if (frame.type === EVENT.FAIL) listener.fail?.(readFailure(payload));
    else if (frame.type === EVENT.EXIT) listener.exit?.(readExit(payload));
    else if (frame.type === EVENT.RESULT) this.#answer(run, frame.seq, payload);
    else if (frame.type === EVENT.DONE) this.#finish(frame.id, undefined);
    else if (frame.type === EVENT.LOST) this.#lost(frame.id, listener);
    else if (frame.type === EVENT.REFUSED) this.#refused(run, frame);
  }

  #lost(id: number, listener: ProgramListener): void {
    listener.lost?.();
    this.#finish(id, lost());
  }

  #greeted(payload: DataView): void {
    const version = payload.getUint32(0, true);
    if (version === PROTOCOL_VERSION) this.#greet?.resolve();
    else this.#end(`the executor speaks protocol ${version}, not ${PROTOCOL_VERSION}`);
  }

  #answer(run: Run, seq: number, payload: DataView): void {
    const call = run.calls.get(seq);
    run.calls.delete(seq);
    call?.resolve({
      errno: payload.getUint32(0, true),
      op: payload.getUint32(4, true),
      value: payload.getBigInt64(8, true),
    });
  }

  #refused(run: Run, frame: Frame): void {
    const [reason, where] = [frame.payload.getUint32(0, true), frame.payload.getUint32(4, true)];
    if (frame.seq !== 0) {
      const call = run.calls.get(frame.seq);
      run.calls.delete(frame.seq);
      call?.resolve(GONE);
      return;
    }
    this.#finish(
      frame.id,
      new LibctError("ERR_CT_EXECUTOR", `the executor refused a malformed program (reason ${reason} at ${where})`),
    );
  }

  #finish(id: number, error: LibctError | undefined): void {
    const run = this.#runs.get(id);
    this.#runs.delete(id);
    for (const call of run?.calls.values() ?? []) call.resolve(GONE);
    this.#idle();
    run?.listener.done?.(error);
  }

  #forget(id: number): void {
    this.#runs.delete(id);
    this.#idle();
  }

  /** An application with nothing running may exit without closing its Host. */
  #idle(): void {
    if (this.#runs.size === 0) this.#channel?.hold(false);
  }

  #end(message: string, cause?: unknown): void {
    if (this.#ended) return;
    this.#ended = new LibctError("ERR_CT_EXECUTOR", message, { cause });
    this.#greet?.reject(this.#ended);
    for (const id of [...this.#runs.keys()]) this.#finish(id, this.#ended);
  }
}

/** A program that runs: GO ends its waiting, CALL makes its monitor interpret a little program. */
export interface ProgramRun {
  go(bytes: Uint8Array): void;
  /** `framed`: LIMIT.FRAME_HEADER free bytes are before the program. It is not copied then, and must stay as it is until the answer comes. */
  call(program: Uint8Array, framed?: boolean): Promise<CallResult>;
  /** Its monitor goes without a last word. */
  forget(): void;
}

const ESRCH = 3;
const GONE: CallResult = { errno: ESRCH, op: 0, value: -3n };

const lost = () =>
  new LibctError("ERR_CT_EXECUTOR", "the container's monitor was killed", {
    hint: "the container was ended with it; look for the OOM killer in the kernel's log",
  });

function readValues(payload: DataView): number[] {
  return Array.from({ length: LIMIT.ARGS }, (_, index) => Number(payload.getBigInt64(index * 8, true)));
}

const readBytes = (payload: DataView) => new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength).slice();

function readFailure(payload: DataView): Failure {
  return {
    block: payload.getUint32(0, true),
    op: payload.getUint32(4, true),
    errno: payload.getUint32(8, true),
    epilogue: payload.getUint32(12, true) === 1,
  };
}

/** The report of a container's end: in EXIT, and in the records of containers that outlive their application. */
export function readExit(payload: DataView): Exit {
  const how = payload.getUint32(0, true);
  return {
    how: how === 1 ? "exited" : "killed",
    status: payload.getUint32(4, true),
    coreDumped: how === 3,
    userTime: Number(payload.getBigUint64(8, true)) / 1e6,
    systemTime: Number(payload.getBigUint64(16, true)) / 1e6,
    maxRss: Number(payload.getBigUint64(24, true)),
    endedAt: Number(payload.getBigUint64(32, true)) / 1e6,
    duration: Number(payload.getBigUint64(40, true)) / 1e9,
  };
}
