import { invalid } from "../../errors.ts";

const UNITS: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
/** Pages are counted in those of x86, also elsewhere: a configuration does not say where it was written. */
export const PAGE = 4096;
/** LONG_MAX, or close to it, in pages or bytes: the file's way to say "unlimited". */
const NEARLY_ALL = 2 ** 50;

/** "barrier:limit", or one number for both. Undefined is unlimited. A number without a suffix counts `unit` bytes. */
export function amountOf(
  key: string,
  value: string,
  unit: number,
): { readonly barrier?: number; readonly limit?: number } {
  const [first = "", second = first] = value.split(":");
  const [barrier, limit] = [one(key, first, unit), one(key, second, unit)];
  return { ...(barrier === undefined ? {} : { barrier }), ...(limit === undefined ? {} : { limit }) };
}

function one(key: string, text: string, unit: number): number | undefined {
  if (text === "unlimited") return undefined;
  const [, digits, suffix = ""] = /^(\d+(?:\.\d+)?)([bkmgtp]?)$/i.exec(text) ?? [];
  if (digits === undefined) throw invalid(key, text, 'a number such as 65536 or 256M, or "unlimited"');
  const name = suffix.toLowerCase();
  const factor = name === "" ? unit : name === "p" ? PAGE : (UNITS[name] ?? 1);
  const amount = Math.round(Number(digits) * factor);
  return Number(digits) >= NEARLY_ALL || amount >= NEARLY_ALL * PAGE ? undefined : amount;
}
