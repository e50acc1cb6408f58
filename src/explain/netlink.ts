import { NLMSG_HEADER, RTM } from "../linux/index.ts";
import type { MemoryView } from "./memory.ts";

/** Types of rtnetlink(7) begin here, those of nfnetlink with the number of a subsystem in their upper byte. */
const NFNETLINK = 0x100;
const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(RTM).map(([name, type]) => [type, `RTM_${name}`]));

/** Messages of netlink(7), one after the other, by their types; undefined when it is something else. */
export function formatRequests(memory: MemoryView, from: number, length: number): string | undefined {
  const types: number[] = [];
  let at = from;
  while (at < from + length) {
    const size = number(memory, at, 4);
    const type = number(memory, at + 4, 2);
    if (size === undefined || type === undefined || size < NLMSG_HEADER || at + size > from + length) return undefined;
    types.push(type);
    at += (size + 3) & ~3;
  }
  if (types.length === 0) return undefined;
  const isTransaction = types.some((type) => type >= NFNETLINK);
  return `[${types.map((type) => (isTransaction ? undefined : NAMES.get(type)) ?? `0x${type.toString(16)}`).join(", ")}]`;
}

function number(memory: MemoryView, at: number, width: number): number | undefined {
  const value = memory.member(at, width, false);
  return value?.kind === "number" ? Number(value.value) : undefined;
}
