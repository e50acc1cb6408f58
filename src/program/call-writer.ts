import { type Arch, syscallNumber } from "../linux/index.ts";
import type { Arg, DataRef, Register } from "./program.ts";
import { KIND, LIMIT, OP, PROGRAM_MAGIC } from "./protocol.ts";

/** Knows whose turn it is: calls of one writer are done in their order, and none after one that has failed. */
const TURN: Register = { kind: "register", index: LIMIT.REGISTERS - 1, name: "turn" };
/** The errno of a call whose turn it was not: nothing of it was done. */
export const OUT_OF_TURN = 125;

const FRAME = LIMIT.FRAME_HEADER + LIMIT.MAX_CALL;
const WORDS = LIMIT.OP_SIZE / 4;
/** For the header, the block and the operations that keep the turn. */
const OVERHEAD = LIMIT.PROGRAM_HEADER + LIMIT.BLOCK_SIZE + 2 * LIMIT.OP_SIZE + 16;

/** A call as it is sent. */
export interface WrittenCall {
  /** The program, after so many free bytes as a frame's header has. */
  readonly frame: Uint8Array;
  /** The system call of each operation; empty for one that makes none. */
  readonly calls: readonly string[];
}

/** Lets a call begin at another operation, when those before have been done. The first keeps the turn. */
export function beginAt(call: WrittenCall, op: number): void {
  const { buffer, byteOffset } = call.frame;
  new DataView(buffer, byteOffset).setUint32(LIMIT.FRAME_HEADER + LIMIT.PROGRAM_HEADER, op, true);
}

/**
 * Encodes programs of system calls for CALL while they are written, without an object for each operation: for file operations by the ten thousand, where
 * those of `ProgramBuilder` would take longer than the kernel does. A program does nothing unless the one before it was done to its end, so several can
 * be under way.
 */
export class CallWriter {
  readonly #ops = new Uint32Array(LIMIT.MAX_CALL / 4);
  readonly #data = new Uint8Array(LIMIT.MAX_CALL);
  readonly #numbers = new Map<string, number>();
  readonly #arch: Arch;
  readonly #spare: ArrayBuffer[] = [];
  #calls: string[] = [];
  #length = 0;
  #turn = 0;

  constructor(arch: Arch) {
    this.#arch = arch;
    this.#begin();
  }

  /** Operations until now; 1 when there is nothing to do yet. */
  get ops(): number {
    return this.#calls.length;
  }

  /** Bytes of data for which there is room beside so many operations more. */
  room(ops: number): number {
    return LIMIT.MAX_CALL - OVERHEAD - (this.#calls.length + ops) * LIMIT.OP_SIZE - this.#length;
  }

  /** A system call whose errors end the program, but for those that are tolerated. */
  sys(name: string, args: readonly Arg[], options: { readonly dst?: Register; readonly tolerate?: number } = {}): void {
    let nr = this.#numbers.get(name);
    if (nr === undefined) {
      nr = syscallNumber(this.#arch, name);
      if (nr === undefined) throw new RangeError(`no system call ${name} on ${this.#arch}`);
      this.#numbers.set(name, nr);
    }
    this.#op(OP.SYSCALL, nr, args, options.dst, options.tolerate ?? 0);
    this.#calls.push(name);
  }

  /** Ends the program with `errno` unless both are equal. */
  expect(left: Arg, right: Arg, errno: number): void {
    this.#op(OP.EXPECT, errno, [left, right], undefined, 0);
    this.#calls.push("");
  }

  /** Sends a part of memory to the application. */
  send(code: number, from: DataRef, length: Arg): void {
    this.#op(OP.SEND, code, [from, length], undefined, 0);
    this.#calls.push("");
  }

  bytes(content: Uint8Array): DataRef {
    return this.place(content.length, (target, at) => {
      target.set(content, at);
      return content.length;
    });
  }

  /** Has data written in place, at most `most` bytes; `write` says how many they are. They are aligned as structures must be. */
  place(most: number, write: (target: Uint8Array, at: number) => number): DataRef {
    if (most + 8 > this.room(0)) throw new RangeError("the call is too long");
    return this.#append(write);
  }

  #append(write: (target: Uint8Array, at: number) => number): DataRef {
    const offset = (this.#length + 7) & ~7;
    this.#length = offset + write(this.#data, offset);
    return { kind: "data", offset, zero: false };
  }

  /** What was written as a program of its own; the writer begins another one. */
  finish(): WrittenCall {
    const next = this.#append((target, at) => {
      new DataView(target.buffer).setBigUint64(at, BigInt(this.#turn + 1), true);
      return 8;
    });
    this.#op(OP.LOAD, 8, [next], TURN, 0);
    this.#calls.push("");
    const call = { frame: this.#encode(), calls: this.#calls };
    this.#turn++;
    this.#begin();
    return call;
  }

  /** Takes the memory of a call that is done, for another one: each is too large to be made anew thousands of times. */
  reuse(call: WrittenCall): void {
    const { buffer } = call.frame;
    if (buffer instanceof ArrayBuffer && buffer.byteLength === FRAME) this.#spare.push(buffer);
  }

  #begin(): void {
    this.#calls = [];
    this.#length = 0;
    this.expect(TURN, this.#turn, OUT_OF_TURN);
  }

  #encode(): Uint8Array {
    const ops = this.#calls.length;
    const start = LIMIT.FRAME_HEADER + LIMIT.PROGRAM_HEADER + LIMIT.BLOCK_SIZE;
    const data = start + ops * LIMIT.OP_SIZE;
    const length = (this.#length + 7) & ~7;
    const frame = new Uint8Array(this.#spare.pop() ?? new ArrayBuffer(FRAME), 0, data + length);
    const header = new DataView(frame.buffer, LIMIT.FRAME_HEADER);
    header.setUint32(0, PROGRAM_MAGIC, true);
    header.setUint32(4, data + length - LIMIT.FRAME_HEADER, true);
    header.setUint32(8, length, true);
    header.setUint32(12, length, true);
    header.setUint16(16, ops, true);
    header.setUint16(18, 1, true);
    header.setUint16(20, 0, true);
    header.setUint16(22, LIMIT.NO_BLOCK, true);
    header.setUint32(LIMIT.PROGRAM_HEADER, 0, true);
    header.setUint32(LIMIT.PROGRAM_HEADER + 4, ops, true);
    frame.set(new Uint8Array(this.#ops.buffer, 0, ops * LIMIT.OP_SIZE), start);
    frame.set(this.#data.subarray(0, length), data);
    return frame;
  }

  /** docs/executor.md, "Programs", in words of 32 bits. */
  #op(code: number, nr: number, args: readonly Arg[], dst: Register | undefined, tolerate: number): void {
    const at = this.#calls.length * WORDS;
    const words = this.#ops;
    words.fill(0, at, at + WORDS);
    words[at] = code | ((dst?.index ?? LIMIT.NO_REGISTER) << 8) | (nr << 16);
    words[at + 2] = tolerate << 16;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] ?? 0;
      const place = at + 6 + i * 2;
      let kind: number = KIND.IMMEDIATE;
      if (typeof arg === "number") {
        words[place] = arg;
        words[place + 1] = Math.floor(arg / 0x1_0000_0000);
      } else if (typeof arg === "bigint") {
        words[place] = Number(BigInt.asUintN(32, arg));
        words[place + 1] = Number(BigInt.asUintN(32, arg >> 32n));
      } else {
        kind = arg.kind === "data" ? KIND.DATA : KIND.REGISTER;
        words[place] = arg.kind === "data" ? arg.offset : arg.index;
      }
      const byte = 4 + i;
      words[at + (byte >> 2)] = (words[at + (byte >> 2)] ?? 0) | (kind << ((byte & 3) * 8));
    }
  }
}
