import { AF, type Arch, SCM_RIGHTS, SOL_SOCKET } from "../linux/index.ts";
import type { MemoryView } from "./memory.ts";
import { constantName, flagNames } from "./symbols.ts";

const LIST_MAX = 16;

function number(memory: MemoryView, at: number, width: number): bigint | undefined {
  const value = memory.member(at, width, false);
  return value?.kind === "number" ? value.value : undefined;
}

/** The data of capset(2), version 3: two halves of three 32-bit sets. Equal sets are shown once. */
export function formatCapabilities(memory: MemoryView, at: number, arch: Arch): string | undefined {
  const sets = new Map<string, string>();
  for (const [index, name] of ["effective", "permitted", "inheritable"].entries()) {
    const low = number(memory, at + index * 4, 4);
    const high = number(memory, at + 12 + index * 4, 4);
    if (low === undefined || high === undefined) return undefined;
    const text = flagNames("CAPS", (high << 32n) | low, arch);
    const equal = sets.get(text);
    sets.set(text, equal === undefined ? name : `${equal}=${name}`);
  }
  return `{${[...sets].map(([text, names]) => `${names}=${text}`).join(", ")}}`;
}

/** struct sock_fprog of seccomp(2) */
export function formatFilter(memory: MemoryView, at: number): string | undefined {
  const count = number(memory, at, 2);
  if (count === undefined) return undefined;
  return `{${count} ${count === 1n ? "instruction" : "instructions"}}`;
}

/** A bit set: `[0-3,8]` of processors, `[SIGINT SIGCHLD]` of signals; `~[...]` when most bits are set. */
export function formatSet(memory: MemoryView, at: number, size: number, name?: (bit: number) => string) {
  const set: number[] = [];
  const clear: number[] = [];
  for (let i = 0; i < size; i++) {
    const byte = number(memory, at + i, 1);
    if (byte === undefined) return undefined;
    for (let bit = 0; bit < 8; bit++) ((Number(byte) >> bit) & 1 ? set : clear).push(i * 8 + bit);
  }
  if (!name) return `[${ranges(set).join(",")}]`;
  return clear.length < set.length ? `~[${clear.map(name).join(" ")}]` : `[${set.map(name).join(" ")}]`;
}

function ranges(numbers: readonly number[]): string[] {
  const found: [first: number, last: number][] = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
}

/** struct msghdr of sendmsg(2) and recvmsg(2): the buffers, and the descriptors that are `sent` with them. */
export function formatMessage(memory: MemoryView, at: number, sent: boolean): string | undefined {
  const buffers = memory.member(at + 16, 8, false);
  const count = number(memory, at + 24, 8);
  if (count === undefined || !buffers) return undefined;
  const shown: string[] = [];
  for (let i = 0; buffers.kind === "address" && i < Math.min(Number(count), LIST_MAX); i++) {
    const base = memory.member(buffers.at + i * 16, 8, false);
    const length = number(memory, buffers.at + i * 16 + 8, 8);
    if (base?.kind !== "address" || length === undefined) return undefined;
    const text = sent ? memory.text(base.at, Number(length)) : undefined;
    shown.push(text ?? `{${memory.place(base.at)}, ${length}}`);
  }
  const control = controlMessage(memory, at, sent);
  return `{iov=[${shown.join(", ")}]${control === undefined ? "" : `, control=[${control}]`}}`;
}

/** The first control message, cmsg(3); undefined when there is none. */
function controlMessage(memory: MemoryView, at: number, sent: boolean): string | undefined {
  const control = memory.member(at + 32, 8, false);
  if (control?.kind !== "address") return undefined;
  if (!sent) return memory.place(control.at);
  const length = number(memory, control.at, 8);
  const level = number(memory, control.at + 8, 4);
  const type = number(memory, control.at + 12, 4);
  if (length === undefined || level !== BigInt(SOL_SOCKET) || type !== BigInt(SCM_RIGHTS))
    return memory.place(control.at);
  const descriptors: string[] = [];
  for (let i = 16; i + 4 <= Math.min(Number(length), 16 + 4 * LIST_MAX); i += 4) {
    const value = memory.member(control.at + i, 4, true);
    descriptors.push(value?.kind === "register" ? value.name : value?.kind === "number" ? `${value.value}` : "?");
  }
  return `SCM_RIGHTS [${descriptors.join(", ")}]`;
}

/** unix(7) and netlink(7) addresses; others by their family. */
export function formatSocketAddress(memory: MemoryView, at: number): string | undefined {
  const family = number(memory, at, 2);
  if (family === undefined) return undefined;
  const name = constantName("AF", family);
  if (family === BigInt(AF.UNIX)) {
    const path = memory.string(at + 2);
    const abstract = path === '""' ? memory.string(at + 3) : undefined;
    return `{${name}, ${abstract === undefined ? (path ?? memory.place(at + 2)) : `@${abstract}`}}`;
  }
  if (family !== BigInt(AF.NETLINK)) return `{${name}, ...}`;
  return `{${name}, pid=${number(memory, at + 4, 4) ?? "?"}, groups=${number(memory, at + 8, 4) ?? "?"}}`;
}
