import { MS } from "../linux/index.ts";
import type { Program } from "../program/index.ts";
import { type Call, callOf, pathOf, stringArgument } from "./calls.ts";
import { formatOp, labelsOf } from "./ops.ts";
import { flagNames } from "./symbols.ts";
import { type Step, walk } from "./walk.ts";

/** An operation in the words of an error message. */
export interface OpDescription {
  /** "mount"; undefined when the operation makes no system call of its own. */
  readonly syscall: string | undefined;
  /** "mount proc on /proc"; of an operation that makes no system call its `why`. */
  readonly text: string;
  /** The file that it is about. */
  readonly path: string | undefined;
  /** The spec member that caused it; "" when there is none. */
  readonly member: string;
  readonly why: string | undefined;
}

/**
 * Describes the operation that a FAIL frame names.
 *
 * @param blockIndex the frame's `block`
 * @param opIndex the frame's `op`: counted over all blocks, whose operations lie one after the other in the order of the blocks as
 *   `encodeProgram` writes them. It says by itself which block is meant; `blockIndex` only appears in the text when there is no
 *   such operation, as in a frame from a damaged executor.
 */
export function describeOp(program: Program, blockIndex: number, opIndex: number): OpDescription {
  const step = findStep(program, opIndex);
  if (!step) {
    const text = `operation ${opIndex} of block ${blockIndex}`;
    return { syscall: undefined, text, path: undefined, member: "", why: undefined };
  }
  const { op, scope, block } = step;
  const call = callOf(op, scope.arch, scope.memory);
  const path = call && pathOf(call, scope.memory);
  const phrase = call && path !== undefined ? shortPhrase(call, path, step) : undefined;
  return {
    syscall: call?.name,
    text: phrase ?? (call === undefined ? op.why : undefined) ?? formatOp(op, scope, labelsOf(block)),
    path,
    member: op.member,
    why: op.why,
  };
}

function findStep(program: Program, opIndex: number): Step | undefined {
  let first = 0;
  for (const block of program.blocks) {
    const op = block.ops[opIndex - first];
    if (op) {
      for (const step of walk(program)) if (step.block === block && step.op === op) return step;
    }
    first += block.ops.length;
  }
  return undefined;
}

const PROPAGATION = BigInt(MS.SHARED | MS.PRIVATE | MS.SLAVE | MS.UNBINDABLE);

/** `mount proc on /proc`, `remount /dev`, `openat /etc/passwd` */
function shortPhrase(call: Call, path: string, { scope }: Step): string {
  if (call.name !== "mount") return `${call.name} ${path}`;
  const flags = call.values[3];
  const bits = flags?.kind === "number" ? BigInt.asUintN(64, flags.value) : 0n;
  const source = stringArgument(call, 0, scope.memory);
  const type = stringArgument(call, 2, scope.memory);
  if (bits & BigInt(MS.REMOUNT)) return `remount ${path}`;
  if (bits & PROPAGATION) return `mount ${flagNames("MS", bits, scope.arch)} on ${path}`;
  const what = bits & BigInt(MS.BIND | MS.MOVE) ? source : type || source;
  return what ? `mount ${what} on ${path}` : `mount ${path}`;
}
