import type { Arch } from "../linux/index.ts";
import type { Block, Op, Program } from "../program/index.ts";
import { callOf, outputs } from "./calls.ts";
import { LAYOUTS, type StructName } from "./layouts.ts";
import { MemoryView, type Value } from "./memory.ts";
import type { ArgType } from "./signatures.ts";

/** What is known when a process comes to an operation: its memory, and what kind of number each register holds. */
export class Scope {
  readonly arch: Arch;
  readonly memory: MemoryView;
  readonly #registers: Map<number, ArgType>;
  /** Structures that the kernel has filled, by address: a LOAD from one says what the number means. */
  readonly #filled: Map<number, StructName>;

  constructor(program: Program, parent?: Scope) {
    this.arch = program.arch;
    this.memory = parent ? parent.memory.fork() : new MemoryView(program);
    this.#registers = new Map(parent ? parent.#registers : []);
    this.#filled = new Map(parent ? parent.#filled : []);
  }

  value(op: Op, index: number): Value {
    return this.memory.value(op.args[index] ?? 0);
  }

  /** How the number in a register is to be read. */
  registerType(value: Value): ArgType | undefined {
    return value.kind === "register" ? this.#registers.get(value.index) : undefined;
  }

  /** Takes note of what an operation changes. */
  pass(op: Op): void {
    const target = this.value(op, 0);
    if (op.dst) this.#registers.set(op.dst.index, this.#resultType(op, target));
    if (op.op === "SYSCALL") this.#passCall(op);
    if (target.kind !== "address") return;
    if (op.op === "STORE") this.memory.patch(target.at, op.nr, this.value(op, 1));
    if (op.op === "DECIMAL") {
      this.memory.patch(target.at, this.#number(op, 2), this.value(op, 1), String.fromCharCode(op.nr));
    }
    if (op.op === "AWAIT") this.memory.forget(target.at, this.#number(op, 1));
  }

  #passCall(op: Op): void {
    const call = callOf(op, this.arch, this.memory);
    for (const { at, length, type } of call ? outputs(call) : []) {
      this.memory.forget(at, length);
      if (type === "out") this.#filled.delete(at);
      else this.#filled.set(at, type.slice("out:".length) as StructName);
    }
  }

  #resultType(op: Op, from: Value): ArgType {
    if (op.op === "SYSCALL" || op.op === "SPAWN") return "result";
    if (op.op !== "LOAD" || from.kind !== "address") return "plain";
    for (const [base, name] of this.#filled) {
      const field = LAYOUTS[name].find(([, offset]) => base + offset === from.at);
      if (field) return field[3];
    }
    return op.nr === 1 ? "char" : "plain";
  }

  #number(op: Op, index: number): number {
    const value = this.value(op, index);
    return value.kind === "number" ? Math.max(Number(value.value), 1) : 1;
  }
}

/** One operation on the way through a program, with what is known when it runs. */
export interface Step {
  readonly block: Block;
  readonly depth: number;
  readonly index: number;
  readonly op: Op;
  readonly scope: Scope;
}

/**
 * Every operation once, a spawned block after the SPAWN that makes it, then blocks that nothing spawns, then the epilogue.
 * A step's scope goes on changing when the next step is taken.
 */
export function* walk(program: Program): Generator<Step, void, undefined> {
  const seen = new Set<Block>();
  if (program.epilogue) seen.add(program.epilogue);
  const monitor = new Scope(program);
  for (const [index, block] of program.blocks.entries()) {
    yield* walkBlock(program, block, 0, index === 0 ? monitor : new Scope(program), seen);
  }
  if (!program.epilogue) return;
  seen.delete(program.epilogue);
  // The monitor runs the epilogue, with its own memory and registers.
  yield* walkBlock(program, program.epilogue, 0, monitor, seen);
}

function* walkBlock(
  program: Program,
  block: Block,
  depth: number,
  scope: Scope,
  seen: Set<Block>,
): Generator<Step, void, undefined> {
  if (seen.has(block)) return;
  seen.add(block);
  for (const [index, op] of block.ops.entries()) {
    yield { block, depth, index, op, scope };
    const child = op.op === "SPAWN" ? program.blocks[op.nr] : undefined;
    if (child) yield* walkBlock(program, child, depth + 1, new Scope(program, scope), seen);
    scope.pass(op);
  }
}
