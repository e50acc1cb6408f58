import { errnoName } from "../linux/index.ts";
import type { Block, Op, OpName, Program } from "../program/index.ts";
import { LIMIT, OP_FLAG } from "../program/index.ts";
import { callOf, formatCall } from "./calls.ts";
import type { Value } from "./memory.ts";
import { formatValue } from "./values.ts";
import type { Scope, Step } from "./walk.ts";

/** Names of the places that operations of a block jump to, by index; the place after the last operation is "end". */
export type Labels = ReadonlyMap<number, string>;

export function labelsOf(block: Block): Labels {
  const targets = new Set(block.ops.flatMap((op) => (op.target ? [op.target.index] : [])));
  const inside = [...targets].filter((index) => index < block.ops.length).sort((a, b) => a - b);
  const labels = new Map(inside.map((index, count) => [index, `L${count + 1}`]));
  for (const index of targets) if (index >= block.ops.length) labels.set(index, "end");
  return labels;
}

/** A whole line: `fd = openat(...)  [ENOENT -> L1]`. */
export function formatStep(program: Program, step: Step, labels: Labels): string {
  const { op, scope } = step;
  const result = op.dst ? `${op.dst.name} = ` : "";
  const child = op.op === "SPAWN" ? [`-> ${blockName(program, program.blocks[op.nr], op.nr)}`] : [];
  return [result + formatOp(op, scope, labels), ...child, ...accepted(op, labels)].join("  ");
}

/** The name of a block; with its number when that is not enough to know it by. */
export function blockName(program: Program, block: Block | undefined, index: number): string {
  if (!block) return `block ${index}`;
  const shared = block.name === "" || program.blocks.some((other) => other !== block && other.name === block.name);
  return shared ? `${block.name || "block"} ${program.blocks.indexOf(block)}` : block.name;
}

/** An operation without its result: a system call as strace shows it, or a pseudo-call. */
export function formatOp(op: Op, scope: Scope, labels: Labels): string {
  const call = callOf(op, scope.arch, scope.memory);
  return call ? formatCall(call, op, scope.arch, scope.memory) : PSEUDO[op.op](op, scope, labels);
}

type Format = (op: Op, scope: Scope, labels: Labels) => string;

const PSEUDO: Readonly<Record<OpName, Format>> = {
  SYSCALL: (op) => `syscall_${op.nr}()`,
  SPAWN: () => "clone()",
  LOAD: (op, scope) => `load(${integerType(op)} ${place(op, scope, 0)})`,
  STORE: (op, scope) => `store(${integerType(op)} ${place(op, scope, 0)}, ${plain(op, scope, 1)})`,
  DECIMAL: (op, scope) => {
    const fill = op.nr === 0 ? "" : `, fill ${JSON.stringify(String.fromCharCode(op.nr))}`;
    return `decimal(${place(op, scope, 0)}, ${plain(op, scope, 1)}, width ${plain(op, scope, 2)}${fill})`;
  },
  NOTIFY: (op, scope) => `notify(${[`${op.nr}`, ...op.args.map((_, index) => plain(op, scope, index))].join(", ")})`,
  SEND: (op, scope) => `send(${op.nr}, ${content(op, scope)}, ${plain(op, scope, 1)})`,
  AWAIT: (op, scope) => `await(${place(op, scope, 0)}, ${plain(op, scope, 1)})`,
  SUPERVISE: supervise,
  EXPECT: (op, scope) => `expect(${comparison(op, scope)}) else ${errnoName(op.nr)}`,
  JUMP: (op, scope, labels) => {
    const goto = `goto ${labelName(op, labels)}`;
    return isConstant(op) ? goto : `if (${comparison(op, scope)}) ${goto}`;
  },
  FAIL: (op) => `fail(${errnoName(op.nr)})`,
  CLOSE_FROM: (op, scope) => `close_from(${plain(op, scope, 0)})`,
  LOG: (op, scope) => `log(${op.args.map((_, index) => plain(op, scope, index)).join(", ")})`,
  DONE: () => "done()",
  RESTART: (op, scope) => {
    const most = op.args[1] === 0 ? [] : [`at most ${plain(op, scope, 1)} times`];
    const when = op.flags & OP_FLAG.RESTART_ON_FAILURE ? ["on failure"] : [];
    return `restart(${[plain(op, scope, 0), ...when, ...most].join(", ")})`;
  },
};

const around = (scope: Scope) => ({ arch: scope.arch, memory: scope.memory, siblings: [] });
const labelName = (op: Op, labels: Labels) => labels.get(op.target?.index ?? -1) ?? "nowhere";
const integerType = (op: Op) => `${op.op === "LOAD" && op.flags & OP_FLAG.LOAD_SIGNED ? "i" : "u"}${op.nr * 8}`;
const isConstant = (op: Op) => !(op.flags & OP_FLAG.COMPARE_NOT_EQUAL) && op.args[0] === op.args[1];

function plain(op: Op, scope: Scope, index: number): string {
  return formatValue("plain", scope.value(op, index), around(scope));
}

function place(op: Op, scope: Scope, index: number): string {
  return formatValue("out", scope.value(op, index), around(scope));
}

/** What SEND sends: its text where that is known already. */
function content(op: Op, scope: Scope): string {
  const siblings = [scope.value(op, 0), scope.value(op, 1)];
  return formatValue("text:1", scope.value(op, 0), { ...around(scope), siblings });
}

/** `magic == PROC_SUPER_MAGIC`: a number is read as what the register beside it holds. */
function comparison(op: Op, scope: Scope): string {
  const left = scope.value(op, 0);
  const right = scope.value(op, 1);
  const side = (value: Value, other: Value) =>
    formatValue(value.kind === "number" ? (scope.registerType(other) ?? "plain") : "out", value, around(scope));
  return `${side(left, right)} ${op.flags & OP_FLAG.COMPARE_NOT_EQUAL ? "!=" : "=="} ${side(right, left)}`;
}

function supervise(op: Op, scope: Scope): string {
  const ends = ["master", "input", "output"].flatMap((name, index) => {
    const value = scope.value(op, index + 1);
    if (value.kind === "number" && value.value === -1n) return [];
    return [`${index === 0 ? "terminal " : ""}${name}=${formatValue("fd", value, around(scope))}`];
  });
  const parts = [plain(op, scope, 0), ...(ends.length > 0 ? [ends.join(" ")] : [])];
  if (op.args.length > 4) parts.push(`report=${place(op, scope, 4)}`);
  if (op.flags & OP_FLAG.SUPERVISE_KEEP_RUNNING) parts.push("keep running");
  return `supervise(${parts.join(", ")})`;
}

/** The errors that do not end the program: `[EEXIST ok, ENOENT -> L1]`. */
function accepted(op: Op, labels: Labels): string[] {
  const notes: string[] = [];
  if (op.tolerate.includes(LIMIT.ANY_ERRNO)) notes.push("any error ok");
  else if (op.tolerate.length > 0) notes.push(`${op.tolerate.map(errnoName).join("|")} ok`);
  if (op.jumpErrnos.length > 0) notes.push(`${op.jumpErrnos.map(jumpName).join("|")} -> ${labelName(op, labels)}`);
  return notes.length > 0 ? [`[${notes.join(", ")}]`] : [];
}

const jumpName = (errno: number) => (errno === LIMIT.ANY_ERRNO ? "any error" : errnoName(errno));
