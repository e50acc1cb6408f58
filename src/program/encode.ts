import { LibctError } from "../errors.ts";
import type { Arg, DataRef, Op, Program } from "./program.ts";
import { KIND, LIMIT, OP, PROGRAM_MAGIC } from "./protocol.ts";

/** The bytes of a program as docs/executor.md lays them out. */
export function encodeProgram(program: Program): Uint8Array {
  const ops = program.blocks.reduce((count, block) => count + block.ops.length, 0);
  const size =
    LIMIT.PROGRAM_HEADER +
    program.blocks.length * LIMIT.BLOCK_SIZE +
    program.relocations.length * LIMIT.RELOCATION_SIZE +
    ops * LIMIT.OP_SIZE +
    program.data.length;
  if (ops > LIMIT.MAX_OPS || size + program.zeroes > LIMIT.MAX_PROGRAM) {
    const message = `the specification is too large: its program has ${ops} operations and ${size + program.zeroes} bytes`;
    throw new LibctError("ERR_CT_INVALID_SPEC", message, {
      hint: `at most ${LIMIT.MAX_OPS} operations and ${LIMIT.MAX_PROGRAM} bytes are possible: ask for fewer ports, mounts, devices or interfaces, and give a long command or environment to the process in a file`,
    });
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  writeHeader(view, program, size, ops);
  let at: number = LIMIT.PROGRAM_HEADER;
  let first = 0;
  for (const block of program.blocks) {
    view.setUint32(at, first, true);
    view.setUint32(at + 4, first + block.ops.length, true);
    first += block.ops.length;
    at += LIMIT.BLOCK_SIZE;
  }
  for (const { where, target } of program.relocations) {
    view.setUint32(at, where, true);
    view.setUint32(at + 4, address(target, program), true);
    at += LIMIT.RELOCATION_SIZE;
  }
  first = 0;
  for (const block of program.blocks) {
    for (const op of block.ops) {
      writeOp(view, at, op, program, first);
      at += LIMIT.OP_SIZE;
    }
    first += block.ops.length;
  }
  bytes.set(program.data, at);
  return bytes;
}

function writeHeader(view: DataView, program: Program, size: number, ops: number): void {
  view.setUint32(0, PROGRAM_MAGIC, true);
  view.setUint32(4, size, true);
  view.setUint32(8, program.data.length + program.zeroes, true);
  view.setUint32(12, program.data.length, true);
  view.setUint16(16, ops, true);
  view.setUint16(18, program.blocks.length, true);
  view.setUint16(20, program.relocations.length, true);
  view.setUint16(22, program.epilogue?.index ?? LIMIT.NO_BLOCK, true);
}

function writeOp(view: DataView, at: number, op: Op, program: Program, first: number): void {
  view.setUint8(at, OP[op.op]);
  view.setUint8(at + 1, op.dst?.index ?? LIMIT.NO_REGISTER);
  view.setUint16(at + 2, op.nr, true);
  for (let i = 0; i < op.args.length; i++) writeArg(view, at, i, op.args[i] ?? 0, program);
  for (let i = 0; i < op.tolerate.length; i++) view.setUint8(at + 10 + i, op.tolerate[i] ?? 0);
  for (let i = 0; i < op.jumpErrnos.length; i++) view.setUint8(at + 14 + i, op.jumpErrnos[i] ?? 0);
  if (op.target) view.setUint32(at + 16, first + op.target.index, true);
  view.setUint32(at + 20, op.flags, true);
}

function writeArg(view: DataView, at: number, index: number, arg: Arg, program: Program): void {
  const place = at + 24 + index * 8;
  if (typeof arg === "number") {
    view.setUint32(place, arg >>> 0, true);
    view.setInt32(place + 4, Math.floor(arg / 0x1_0000_0000), true);
  } else if (typeof arg === "bigint") {
    view.setBigUint64(place, BigInt.asUintN(64, arg), true);
  } else if (arg.kind === "data") {
    view.setUint8(at + 4 + index, KIND.DATA);
    view.setUint32(place, address(arg, program), true);
  } else {
    view.setUint8(at + 4 + index, KIND.REGISTER);
    view.setUint32(place, arg.index, true);
  }
}

const address = (ref: DataRef, program: Program) => (ref.zero ? program.data.length + ref.offset : ref.offset);
