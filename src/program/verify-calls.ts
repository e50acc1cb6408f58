import { syscallName } from "../linux/index.ts";
import type { Block, DataRef, Op, Program, Register } from "./program.ts";

/** An operation of a block, and what it is called. */
export interface Call {
  readonly op: Op;
  readonly index: number;
  readonly name: string;
}

/** The system call, or the kind of operation. */
export const callName = (program: Program, op: Op) =>
  op.op === "SYSCALL" ? (syscallName(program.arch, op.nr) ?? String(op.nr)) : op.op;
export const indexOfLast = (calls: readonly Call[], test: (call: Call) => boolean) => calls.findLast(test)?.index ?? -1;
export const firstIndex = (calls: readonly Call[], test: (call: Call) => boolean) => calls.find(test)?.index ?? -1;
export const firstExec = (calls: readonly Call[]) => firstIndex(calls, ({ name }) => name === "execve");

export const callsOf = (program: Program, block: Block): readonly Call[] =>
  block.ops.map((op, index) => ({ op, index, name: callName(program, op) }));

export const registerName = (arg: Op["args"][number] | undefined): string | undefined =>
  typeof arg === "object" && arg.kind === "register" ? (arg as Register).name : undefined;

export function stringAt(program: Program, arg: Op["args"][number] | undefined): string | undefined {
  if (typeof arg !== "object" || arg.kind !== "data" || (arg as DataRef).zero) return undefined;
  const { offset } = arg;
  const end = program.data.indexOf(0, offset);
  return new TextDecoder().decode(program.data.subarray(offset, end < 0 ? undefined : end));
}
