import { badLayer } from "./layer-error.ts";
import { decodeName } from "./name-bytes.ts";
import type { Timestamp } from "./tar-entry.ts";

/** Extended header records in their order: keys may repeat in those of sparse files (POSIX pax, "pax Extended Header"). */
export type PaxRecords = readonly (readonly [key: string, value: Uint8Array])[];

/** Records are "LENGTH KEY=VALUE\n"; LENGTH counts all of it. */
export function parsePax(bytes: Uint8Array): PaxRecords {
  const records: [string, Uint8Array][] = [];
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(0x20, at);
    const length = blank < 0 || blank - at > 10 ? Number.NaN : Number(decodeName(bytes, at, blank));
    const end = at + length;
    const equals = bytes.indexOf(0x3d, blank);
    // Written so that NaN is refused, too.
    if (!(length > 0 && end <= bytes.length) || bytes[end - 1] !== 0x0a || equals < 0 || equals >= end) {
      throw badLayer("a pax header of the tar archive is malformed");
    }
    records.push([decodeName(bytes, blank + 1, equals), bytes.subarray(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** A whole number in decimal. */
export function paxNumber(key: string, value: Uint8Array): number {
  const text = decodeName(value);
  const result = Number(text);
  if (!/^-?\d{1,19}$/.test(text) || !Number.isSafeInteger(result)) {
    throw badLayer(`the pax header ${key} of the tar archive is no number within bounds`);
  }
  return result;
}

/** Seconds with as many decimal places as there are. */
export function paxTime(key: string, value: Uint8Array): Timestamp {
  const [, sign = "", whole = "", fraction = ""] = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(decodeName(value)) ?? [];
  if (whole === "") throw badLayer(`the pax header ${key} of the tar archive is no time`);
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  const seconds = Number(whole);
  if (sign === "") return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: -seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
}

/** Names may not hold a NUL, which would end them for the kernel. */
export function paxName(key: string, value: Uint8Array): string {
  if (value.includes(0)) throw badLayer(`the pax header ${key} of the tar archive has a NUL byte in it`);
  return decodeName(value);
}
