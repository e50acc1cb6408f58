import { invalid } from "../errors.ts";

const UNITS = ["", "k", "M", "G", "T", "P"] as const;

const SIZE = /^(\d+(?:\.\d+)?) *([kmgtp]?)(?:i?b)?$/i;

/**
 * A number of bytes, from a number or from a text such as "256M", "1.5G", "64k", "1GiB" or "4096". Units are multiples of 1024, as in the kernel's own
 * files. A fraction of a byte is rounded.
 */
export function parseSize(value: number | string, member: string): number {
  if (typeof value === "number") {
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw invalid(
      member,
      value,
      "a whole number of bytes, 0 or more",
      value > 0 ? 'a text such as "1.5G" may have a fraction' : undefined,
    );
  }
  const match = typeof value === "string" ? SIZE.exec(value.trim()) : null;
  if (!match) throw invalid(member, value, 'a size such as 4096, "64k", "256M" or "1.5G"', sizeHint(value));
  const power = UNITS.findIndex((unit) => unit.toLowerCase() === match[2]?.toLowerCase());
  const bytes = Math.round(Number(match[1]) * 1024 ** power);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw invalid(member, value, `at most ${Number.MAX_SAFE_INTEGER} bytes (just below 8P)`);
}

function sizeHint(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  if (/^\s*-/.test(value)) return "a size is not negative";
  if (/^\s*\d+,\d+/.test(value)) return "the decimal sign is a point";
  return /\d/.test(value) ? "units are k, M, G, T and P, multiples of 1024" : undefined;
}

/** A short text which `parseSize` reads as the same number: "256M", "1.5G", "1000". */
export function formatSize(bytes: number): string {
  for (let power = UNITS.length - 1; power > 0; power--) {
    const unit = 1024 ** power;
    // Quarters are exact and short: 1.25, 1.5, 1.75.
    if (bytes >= unit && bytes % (unit / 4) === 0) return `${bytes / unit}${UNITS[power]}`;
  }
  return String(bytes);
}

const part = (unit: string) => `(?:(\\d+(?:\\.\\d+)?) *${unit} *)?`;
const DURATION = new RegExp(`^${["d", "h", "m", "s", "ms"].map(part).join("")}$`);
/** Of a day, an hour, a minute, a second and a millisecond, in microseconds. */
const MICROSECONDS = [86_400e6, 3_600e6, 60e6, 1e6, 1e3] as const;

/** Seconds, from a number of seconds or from a text such as "10s", "1m30s", "500ms", "1.5h", "2d" or "10". Exact to the microsecond. */
export function parseDuration(value: number | string, member: string): number {
  const seconds = typeof value === "number" ? value : typeof value === "string" ? secondsOf(value.trim()) : undefined;
  if (seconds === undefined || Number.isNaN(seconds)) {
    const hint =
      typeof value === "string" && /\d/.test(value) ? "units are d, h, m, s and ms, in this order" : undefined;
    throw invalid(member, value, 'a duration such as 10 (seconds), "10s", "1m30s" or "500ms"', hint);
  }
  if (seconds < 0) throw invalid(member, value, "a duration of 0 or more");
  if (seconds * 1e6 > Number.MAX_SAFE_INTEGER)
    throw invalid(member, printable(value), "a duration of at most 104249d (285 years)");
  return seconds;
}

const printable = (value: number | string) => (value === Number.POSITIVE_INFINITY ? "Infinity" : value);

function secondsOf(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const match = text === "" ? null : DURATION.exec(text);
  if (!match) return undefined;
  const total = MICROSECONDS.reduce((sum, unit, index) => sum + Number(match[index + 1] ?? 0) * unit, 0);
  return Math.round(total) / 1e6;
}
