import { type Arch, syscallName } from "../linux/index.ts";
import type { Op } from "../program/index.ts";
import { OP_FLAG } from "../program/index.ts";
import type { MemoryView, Value } from "./memory.ts";
import { type ArgType, SIGNATURES, type Signature } from "./signatures.ts";
import { formatValue } from "./values.ts";

/** A system call with its arguments, and how each is to be read. */
export interface Call {
  readonly name: string;
  readonly types: Signature;
  readonly values: readonly Value[];
}

const ZERO: Value = { kind: "number", value: 0n };

/** The system call that an operation makes; undefined when it makes none of its own. */
export function callOf(op: Op, arch: Arch, memory: MemoryView): Call | undefined {
  const values = op.args.map((arg) => memory.value(arg));
  if (op.op === "SPAWN") return spawnCall(op, values);
  if (op.op !== "SYSCALL") return undefined;
  const known = syscallName(arch, op.nr);
  const name = known ?? `syscall_${op.nr}`;
  let entry = known !== undefined && Object.hasOwn(SIGNATURES, known) ? SIGNATURES[known] : undefined;
  while (entry && "by" in entry) {
    const chosen: Value = values[entry.by] ?? ZERO;
    const variant = chosen.kind === "number" ? entry.cases[Number(BigInt.asUintN(32, chosen.value))] : undefined;
    entry = variant ?? entry.otherwise;
  }
  return { name, types: entry ?? values.map(() => "plain"), values };
}

function spawnCall(op: Op, values: readonly Value[]): Call {
  const [first = ZERO, second = ZERO] = values;
  if (op.flags & OP_FLAG.SPAWN_CLONE3)
    return { name: "clone3", types: ["struct:clone_args:1"], values: [second, first] };
  return { name: "clone", types: ["flags:CLONE_SIGNAL", "ptr", "out"], values: [first, ZERO, second] };
}

/** `mount("proc", "/proc", "proc", MS_NOSUID, NULL)` */
export function formatCall(call: Call, op: Op, arch: Arch, memory: MemoryView): string {
  const around = { arch, memory, siblings: call.values };
  const argument = (index: number): Value => call.values[index] ?? ZERO;
  const shown = call.types
    .map((type, index) => ({ type, value: argument(index) }))
    .filter(({ type, value }) => type !== "mode?" || !isZero(value))
    .map(({ type, value }) => formatValue(type, value, around));
  if (op.op === "SPAWN") return `${call.name}(${shown.slice(0, isZero(argument(2)) ? 1 : 3).join(", ")})`;
  const surplus = call.values.slice(call.types.length);
  while (surplus.length > 0 && isZero(surplus.at(-1) ?? ZERO)) surplus.pop();
  return `${call.name}(${[...shown, ...surplus.map((value) => formatValue("plain", value, around))].join(", ")})`;
}

const isZero = (value: Value) => value.kind === "number" && value.value === 0n;

/** The file that a call is about, without quotes: its first `path` that is not empty. */
export function pathOf(call: Call, memory: MemoryView): string | undefined {
  for (const [index, type] of call.types.entries()) {
    const path = type === "path" ? stringArgument(call, index, memory) : undefined;
    if (path) return path;
  }
  return undefined;
}

/** A string argument without quotes; undefined when it is NULL or not known before the program runs. */
export function stringArgument(call: Call, index: number, memory: MemoryView): string | undefined {
  const value = call.values[index];
  return value?.kind === "address" ? memory.string(value.at)?.slice(1, -1) : undefined;
}

/** Bytes that the kernel writes at an `out` argument: the argument after it says so, or it is a small structure. */
export function outputs(call: Call): { readonly at: number; readonly length: number; readonly type: ArgType }[] {
  const found: { at: number; length: number; type: ArgType }[] = [];
  for (const [index, type] of call.types.entries()) {
    const value = call.values[index];
    if (value?.kind !== "address" || !(type === "out" || type.startsWith("out:"))) continue;
    const next = call.types[index + 1] === "uint" ? call.values[index + 1] : undefined;
    found.push({ at: value.at, length: next?.kind === "number" ? Number(next.value) : 8, type });
  }
  return found;
}
