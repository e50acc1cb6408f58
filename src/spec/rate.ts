import { invalid } from "../errors.ts";

const RATE = /^(\d+(?:\.\d+)?) *([kmgt]?)(?:bit|bps|bit\/s)?$/i;
const UNITS = ["", "k", "m", "g", "t"] as const;
/** What the kernel counts in: at least a byte per second. */
const BITS = 8;

/** Bits per second, from a number or from a text such as "10mbit", "1.5gbit", "800kbit". Units are multiples of 1000, as everywhere in networking. */
export function parseRate(value: number | string, member: string): number {
  const expected = 'a rate in bits per second, such as 8000000, "10mbit" or "1gbit"';
  const match = RATE.exec(String(value).trim());
  if (!match) throw invalid(member, value, expected);
  const power = UNITS.findIndex((unit) => unit === (match[2] ?? "").toLowerCase());
  const bits = Math.round(Number(match[1]) * 1000 ** power);
  if (Number.isSafeInteger(bits) && bits >= BITS) return bits;
  throw invalid(member, value, expected, "at least 8 bits per second");
}
