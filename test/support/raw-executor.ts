import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";

/** A frame as it came: docs/executor.md. This client is written from that page alone, as a check of both sides. */
export interface RawFrame {
  readonly type: number;
  readonly code: number;
  readonly id: number;
  readonly seq: number;
  readonly payload: Buffer;
}

export const TYPE = {
  RUN: 1,
  CALL: 2,
  GO: 3,
  HELLO: 0x81,
  NOTIFY: 0x82,
  DATA: 0x83,
  FAIL: 0x84,
  EXIT: 0x85,
  DONE: 0x86,
  RESULT: 0x87,
  REFUSED: 0x88,
  LOST: 0x89,
} as const;

/** Arguments: numbers are immediate, [n] is a data offset, "rN" a register. */
export type RawArg = number | readonly [number] | `r${number}`;
export interface RawOp {
  readonly code: number;
  readonly nr?: number;
  readonly dst?: number;
  readonly args?: readonly RawArg[];
  readonly tolerate?: readonly number[];
  readonly jump?: readonly number[];
  readonly target?: number;
  readonly flags?: number;
}

/** Encodes blocks of operations; `data` is followed by `zeroes` bytes of zeroed memory. */
export function rawProgram(
  blocks: readonly (readonly RawOp[])[],
  data = Buffer.alloc(0),
  zeroes = 256,
  relocations: readonly (readonly [number, number])[] = [],
  epilogue = 0xffff,
): Buffer {
  const ops = blocks.flat();
  const padded = Buffer.concat([data, Buffer.alloc((8 - (data.length % 8)) % 8)]);
  const header = Buffer.alloc(32);
  const tables = Buffer.alloc(blocks.length * 8 + relocations.length * 8);
  let first = 0;
  blocks.forEach((block, index) => {
    tables.writeUInt32LE(first, index * 8);
    first += block.length;
    tables.writeUInt32LE(first, index * 8 + 4);
  });
  relocations.forEach(([where, target], index) => {
    tables.writeUInt32LE(where, blocks.length * 8 + index * 8);
    tables.writeUInt32LE(target, blocks.length * 8 + index * 8 + 4);
  });
  const body = Buffer.concat([tables, ...ops.map(encodeOp), padded]);
  header.write("CTP1", "latin1");
  header.writeUInt32LE(32 + body.length, 4);
  header.writeUInt32LE(padded.length + zeroes, 8);
  header.writeUInt32LE(padded.length, 12);
  [ops.length, blocks.length, relocations.length, epilogue].forEach((count, index) => {
    header.writeUInt16LE(count, 16 + index * 2);
  });
  return Buffer.concat([header, body]);
}

function encodeOp(op: RawOp): Buffer {
  const bytes = Buffer.alloc(72);
  bytes[0] = op.code;
  bytes[1] = op.dst ?? 255;
  bytes.writeUInt16LE(op.nr ?? 0, 2);
  op.args?.forEach((arg, index) => {
    if (typeof arg === "number") bytes.writeBigInt64LE(BigInt(arg), 24 + index * 8);
    else {
      bytes[4 + index] = typeof arg === "string" ? 2 : 1;
      bytes.writeBigInt64LE(BigInt(typeof arg === "string" ? arg.slice(1) : arg[0]), 24 + index * 8);
    }
  });
  bytes.set(op.tolerate ?? [], 10);
  bytes.set(op.jump ?? [], 14);
  bytes.writeUInt32LE(op.target ?? 0, 16);
  bytes.writeUInt32LE(op.flags ?? 0, 20);
  return bytes;
}

export class RawExecutor {
  readonly child: ChildProcess;
  readonly control: Duplex;
  readonly #received: RawFrame[] = [];
  readonly #waiting: (() => void)[] = [];
  #pending = Buffer.alloc(0);

  constructor(
    path = fileURLToPath(
      new URL(`../../prebuilt/ct-executor-${process.arch === "arm64" ? "aarch64" : "x86_64"}`, import.meta.url),
    ),
  ) {
    this.child = spawn(path, [], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
    this.control = this.child.stdio[3] as Duplex;
    this.control.on("error", () => undefined);
    this.control.on("data", (chunk: Buffer) => this.#cut(chunk));
  }

  send(type: number, id: number, payload: Buffer = Buffer.alloc(0), seq = 0): void {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(payload.length, 0);
    header.writeUInt16LE(type, 4);
    header.writeUInt32LE(id, 8);
    header.writeUInt32LE(seq, 12);
    this.control.write(Buffer.concat([header, payload]));
  }

  /** The next frame that passes; frames before it stay for others. */
  async next(passes: (frame: RawFrame) => boolean): Promise<RawFrame> {
    for (;;) {
      const index = this.#received.findIndex(passes);
      const [found] = index < 0 ? [] : this.#received.splice(index, 1);
      if (found) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  type(type: number, id = 0): Promise<RawFrame> {
    return this.next((frame) => frame.type === type && frame.id === id);
  }

  /** Types of all frames of a container up to its last one. */
  async run(program: Buffer, id = 0): Promise<RawFrame[]> {
    this.send(TYPE.RUN, id, program);
    const frames: RawFrame[] = [];
    for (;;) {
      const frame = await this.next((one) => one.id === id && one.type !== TYPE.HELLO);
      frames.push(frame);
      if (frame.type === TYPE.DONE || frame.type === TYPE.REFUSED || frame.type === TYPE.LOST) return frames;
    }
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.control.destroy();
    if (this.child.exitCode === null && this.child.signalCode === null) await ended;
  }

  #cut(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 16 && this.#pending.length >= 16 + this.#pending.readUInt32LE(0)) {
      const bytes = this.#pending;
      const length = bytes.readUInt32LE(0);
      this.#received.push({
        type: bytes.readUInt16LE(4),
        code: bytes.readUInt16LE(6),
        id: bytes.readUInt32LE(8),
        seq: bytes.readUInt32LE(12),
        payload: bytes.subarray(16, 16 + length),
      });
      this.#pending = bytes.subarray(16 + length);
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
