import { type Arch, AT, errnoName } from "../linux/index.ts";
import { LAYOUTS, type StructName } from "./layouts.ts";
import type { MemoryView, Value } from "./memory.ts";
import { formatRequests } from "./netlink.ts";
import type { ArgType } from "./signatures.ts";
import { formatCapabilities, formatFilter, formatMessage, formatSet, formatSocketAddress } from "./structures.ts";
import { constantName, type EnumGroup, type FlagGroup, flagNames } from "./symbols.ts";

/** What a value is printed against: the memory at that point, and the other arguments of its call. */
export interface Surroundings {
  readonly arch: Arch;
  readonly memory: MemoryView;
  readonly siblings: readonly Value[];
}

/** Longer texts are cut, as strace(1) cuts them. */
const TEXT_MAX = 96;
const LIST_MAX = 64;

/** A value as strace shows it; a register always shows its name. */
export function formatValue(type: ArgType, value: Value, around: Surroundings): string {
  if (value.kind === "register") return value.name;
  const [head = "", group = "", size] = type.split(":");
  if (value.kind === "address")
    return formatAddress(head, group, size, value.at, around) ?? around.memory.place(value.at);
  if (head === "flags") return flagNames(group as FlagGroup, value.value, around.arch);
  if (head === "one") return constantName(group as EnumGroup, value.value);
  return (NUMBERS[head] ?? pointer)(value.value);
}

const hex = (value: bigint) => `0x${BigInt.asUintN(64, value).toString(16)}`;
const signed = (value: bigint) => `${BigInt.asIntN(64, value)}`;
const octal = (value: bigint) => (value === 0n ? "0" : `0${BigInt.asUintN(32, value).toString(8)}`);
const pointer = (value: bigint) => (value === 0n ? "NULL" : hex(value));

/** Small numbers as people write them, others in hexadecimal. */
export const plainNumber = (value: bigint): string => (value > -4096n && value < 1_000_000n ? `${value}` : hex(value));

const NUMBERS: Readonly<Record<string, (value: bigint) => string>> = {
  fd: (value) => `${BigInt.asIntN(32, value)}`,
  dirfd: (value) => (BigInt.asIntN(32, value) === BigInt(AT.FDCWD) ? "AT_FDCWD" : `${BigInt.asIntN(32, value)}`),
  int: signed,
  uint: (value) => `${BigInt.asUintN(64, value)}`,
  hex,
  char: (value) => (value > 0x20n && value < 0x7fn ? `'${String.fromCharCode(Number(value))}'` : plainNumber(value)),
  last: (value) => (BigInt.asUintN(32, value) === 0xffff_ffffn ? "~0U" : `${BigInt.asIntN(32, value)}`),
  id: (value) => (BigInt.asUintN(32, value) === 0xffff_ffffn ? "-1" : `${BigInt.asUintN(64, value)}`),
  rlim: (value) => (BigInt.asUintN(64, value) === (1n << 64n) - 1n ? "RLIM_INFINITY" : `${BigInt.asUintN(64, value)}`),
  mode: octal,
  "mode?": octal,
  dev: deviceNumber,
  ioprio: (value) => `IOPRIO_PRIO_VALUE(${constantName("IOPRIO_CLASS", value >> 13n)}, ${value & 0x1fffn})`,
  result: (value) => (value < 0n && value > -4096n ? `-${errnoName(-Number(value))}` : plainNumber(value)),
  plain: plainNumber,
};

/** include/linux/kdev_t.h, new_decode_dev */
function deviceNumber(value: bigint): string {
  const dev = BigInt.asUintN(32, value);
  if (dev === 0n) return "0";
  return `makedev(${(dev >> 8n) & 0xfffn}, ${(dev & 0xffn) | ((dev >> 12n) & 0xfff00n)})`;
}

/** What lies at an address; undefined when it cannot be shown. */
function formatAddress(
  head: string,
  group: string,
  size: string | undefined,
  at: number,
  around: Surroundings,
): string | undefined {
  const { memory, siblings } = around;
  const lengthIn = (index: string | undefined) => {
    const sibling = index === undefined ? undefined : siblings[Number(index)];
    return sibling?.kind === "number" && sibling.value <= 0xffff_ffffn ? Number(sibling.value) : undefined;
  };
  switch (head) {
    case "path":
    case "str":
      return memory.string(at);
    case "text":
      return cut(memory.text(at, lengthIn(group) ?? -1)) ?? formatRequests(memory, at, lengthIn(group) ?? 0);
    case "struct":
      return formatStructure(group as StructName, at, lengthIn(size), around);
    case "argv":
      return formatStrings(at, memory);
    case "envp":
      return countStrings(at, memory);
    case "ids":
      return formatIds(at, lengthIn(group), memory);
    case "cpus":
      return formatSet(memory, at, Math.min(lengthIn(group) ?? 0, 128));
    case "nodes":
      return formatSet(memory, at, Math.min(Math.max((lengthIn(group) ?? 1) - 1, 0) >> 3, 128));
    case "caps":
      return formatCapabilities(memory, at, around.arch);
    case "filter":
      return formatFilter(memory, at);
    case "msghdr":
      return formatMessage(memory, at, group !== "out");
    case "sigset":
      return formatSet(memory, at, 8, (bit) => constantName("SIG", BigInt(bit + 1)));
    case "sockaddr":
      return formatSocketAddress(memory, at);
    case "plain":
      return memory.stringLike(at);
    default:
      return undefined;
  }
}

function cut(quoted: string | undefined): string | undefined {
  return quoted !== undefined && quoted.length > TEXT_MAX ? `${quoted.slice(0, TEXT_MAX)}"...` : quoted;
}

/** `{flags=CLONE_NEWNS, exit_signal=SIGCHLD}`; `[1]` when the members have no names. Members beyond `size` are not there. */
function formatStructure(name: StructName, at: number, size: number | undefined, around: Surroundings) {
  const shown: string[] = [];
  let named = false;
  for (const [label, offset, width, type] of LAYOUTS[name]) {
    if (size !== undefined && offset + width > size) continue;
    const value = around.memory.member(at + offset, width, type === "int" || type === "fd");
    if (!value) return undefined;
    const optional = label.endsWith("?");
    if (optional && value.kind === "number" && value.value === 0n) continue;
    const text = formatValue(type, value, around);
    named ||= label !== "";
    shown.push(label === "" ? text : `${optional ? label.slice(0, -1) : label}=${text}`);
  }
  return named || shown.length === 0 ? `{${shown.join(", ")}}` : `[${shown.join(", ")}]`;
}

function stringsAt(at: number, memory: MemoryView): Value[] | undefined {
  const found: Value[] = [];
  for (let place = at; ; place += 8) {
    const value = memory.member(place, 8, false);
    if (!value) return undefined;
    if (value.kind === "number" && value.value === 0n) return found;
    found.push(value);
  }
}

/** The arguments of execve(2), through the relocations that point at them. */
function formatStrings(at: number, memory: MemoryView): string | undefined {
  const values = stringsAt(at, memory);
  if (!values) return undefined;
  const texts = values.slice(0, LIST_MAX).map((value) => {
    if (value.kind === "register") return value.name;
    return value.kind === "number" ? hex(value.value) : (cut(memory.string(value.at)) ?? memory.place(value.at));
  });
  return `[${texts.join(", ")}${values.length > LIST_MAX ? ", ..." : ""}]`;
}

function countStrings(at: number, memory: MemoryView): string | undefined {
  const count = stringsAt(at, memory)?.length;
  return count === undefined ? undefined : `[/* ${count} ${count === 1 ? "variable" : "variables"} */]`;
}

function formatIds(at: number, count: number | undefined, memory: MemoryView): string | undefined {
  if (count === undefined || count < 0) return undefined;
  const ids: string[] = [];
  for (let i = 0; i < Math.min(count, LIST_MAX); i++) {
    const value = memory.member(at + i * 4, 4, false);
    if (!value || value.kind === "address") return undefined;
    ids.push(value.kind === "register" ? value.name : `${value.value}`);
  }
  return `[${ids.join(", ")}${count > LIST_MAX ? ", ..." : ""}]`;
}
