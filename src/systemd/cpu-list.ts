import { invalid } from "../errors.ts";

/** Of a list: "0-3,7". */
const RANGE = /^(\d+)(?:-(\d+))?$/;
const MOST = 8192;

/** A list of processors or memory nodes as the bits that systemd takes: bit 0 of byte 0 is the first. */
export function parseList(text: string, member: string): Uint8Array {
  const numbers = new Set<number>();
  for (const part of text.split(",").map((one) => one.trim())) {
    if (part === "") continue;
    const [, first, last = first] = RANGE.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === undefined || from > to || to >= MOST) throw invalid(member, text, 'a list such as "0-3,7"');
    for (let number = from; number <= to; number++) numbers.add(number);
  }
  const bits = new Uint8Array(numbers.size === 0 ? 0 : Math.floor(Math.max(...numbers) / 8) + 1);
  for (const number of numbers) bits[number >> 3] = (bits[number >> 3] ?? 0) | (1 << (number & 7));
  return bits;
}
