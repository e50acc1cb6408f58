import { syscallNumber } from "../../src/linux/index.ts";
import type { Block, Label, Op, Program, Register } from "../../src/program/index.ts";

/** The program with a sudden death of the process before one of its operations. */
export function killedAt(program: Program, block: Block, index: number): Program {
  const ops = [...block.ops.slice(0, index), ...death(program, block), ...block.ops.slice(index)];
  const added = ops.length - block.ops.length;
  const moved = new Map<Label, Label>();
  const targetOf = (target: Label | undefined) => {
    if (!target) return undefined;
    const label = moved.get(target) ?? { index: target.index > index ? target.index + added : target.index };
    moved.set(target, label);
    return label;
  };
  const changed = { ...block, ops: ops.map((op) => ({ ...op, target: targetOf(op.target) })) };
  const replace = (one: Block) => (one.index === block.index ? changed : one);
  return {
    ...program,
    blocks: program.blocks.map(replace),
    epilogue: program.epilogue && replace(program.epilogue),
  };
}

const OWN_PID: Register = { kind: "register", index: 63, name: "own" };

/** SIGKILL; but the first process of a pid namespace does not get its own, and exits (pid_namespaces(7)). */
function death(program: Program, block: Block): readonly Op[] {
  const call = (name: string, args: Op["args"], dst?: Register): Op => ({
    op: "SYSCALL",
    nr: syscallNumber(program.arch, name) ?? -1,
    args,
    flags: 0,
    dst,
    tolerate: [],
    jumpErrnos: [],
    target: undefined,
    member: "test",
    why: undefined,
  });
  if (block.name === "init") return [call("exit_group", [1])];
  return [call("getpid", [], OWN_PID), call("kill", [OWN_PID, 9])];
}
