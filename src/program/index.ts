export { BlockBuilder, type OpOptions, ProgramBuilder } from "./builder.ts";
export { beginAt, CallWriter, OUT_OF_TURN, type WrittenCall } from "./call-writer.ts";
export { encodeProgram } from "./encode.ts";
export type { Memory } from "./memory.ts";
export type { Arg, Block, DataRef, Label, Op, OpName, Program, Register } from "./program.ts";
export { EVENT, LIMIT, OP, OP_FLAG, PROTOCOL_VERSION, REQUEST } from "./protocol.ts";
export { verifyProgram } from "./verify.ts";
