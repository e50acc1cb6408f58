import { badLayer } from "./layer-error.ts";
import { decodeName } from "./name-bytes.ts";
import { BLOCK } from "./tar-entry.ts";

/** What a block of 512 bytes says (POSIX ustar, GNU tar's manual "Basic Tar Format"). */
export interface RawHeader {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly type: string;
  readonly linkname: string;
  readonly gnu: boolean;
  readonly uname: string;
  readonly gname: string;
  readonly major: number;
  readonly minor: number;
}

/** Of a header's `type`: a NUL, as the oldest archives have it, is a file. */
const FILE = "0";

export function parseHeader(block: Uint8Array): RawHeader {
  checkSum(block);
  // "ustar\0" is POSIX, "ustar  \0" GNU; without either there is nothing after the name of a link.
  const posix = decodeText(block, 257, 5) === "ustar";
  const gnu = posix && block[262] === 0x20;
  const prefix = posix && !gnu ? decodeText(block, 345, 155) : "";
  const name = decodeText(block, 0, 100);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8, "mode"),
    uid: number(block, 108, 8, "uid"),
    gid: number(block, 116, 8, "gid"),
    size: number(block, 124, 12, "size"),
    mtime: number(block, 136, 12, "mtime"),
    type: block[156] === 0 ? FILE : String.fromCharCode(block[156] ?? 0),
    linkname: block[157] === 0 ? "" : decodeText(block, 157, 100),
    gnu,
    uname: posix ? decodeText(block, 265, 32) : "",
    gname: posix ? decodeText(block, 297, 32) : "",
    major: posix ? number(block, 329, 8, "device number") : 0,
    minor: posix ? number(block, 337, 8, "device number") : 0,
  };
}

export function isZeroBlock(block: Uint8Array): boolean {
  if (block[0] !== 0) return false;
  for (const byte of block) if (byte !== 0) return false;
  return true;
}

/** Text up to a NUL. */
export function decodeText(bytes: Uint8Array, start: number, length: number): string {
  let end = start;
  while (end < start + length && bytes[end] !== 0) end++;
  return end === start ? "" : decodeName(bytes, start, end);
}

/** Octal digits, or with the first bit set a number of base 256 in two's complement (GNU tar's manual, "Extensions"). */
export function number(bytes: Uint8Array, start: number, length: number, what: string): number {
  const first = bytes[start] ?? 0;
  if (first & 0x80) return base256(bytes, start, length, what);
  let value = 0;
  let at = start;
  const end = start + length;
  while (at < end && bytes[at] === 0x20) at++;
  for (; at < end; at++) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  if (at < end && bytes[at] !== 0 && bytes[at] !== 0x20) throw badLayer(`a tar header has a ${what} that is no number`);
  return value;
}

function base256(bytes: Uint8Array, start: number, length: number, what: string): number {
  const negative = ((bytes[start] ?? 0) & 0x40) !== 0;
  let value = BigInt((bytes[start] ?? 0) & 0x7f);
  for (let at = start + 1; at < start + length; at++) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  if (negative) value -= 1n << BigInt(length * 8 - 1);
  const result = Number(value);
  if (!Number.isSafeInteger(result)) throw badLayer(`a tar header has a ${what} beyond all bounds`);
  return result;
}

/** The sum of all bytes, with blanks in the place of the sum itself; some archivers took bytes for signed numbers. */
function checkSum(block: Uint8Array): void {
  const stored = number(block, 148, 8, "checksum");
  let unsigned = 8 * 0x20;
  let high = 0;
  for (let at = 0; at < BLOCK; at++) {
    if (at === 148) at = 156;
    const byte = block[at] ?? 0;
    unsigned += byte;
    high += byte >> 7;
  }
  if (unsigned !== stored && unsigned - high * 256 !== stored) {
    throw badLayer("this is no tar archive, or a damaged one: the checksum of a header is wrong");
  }
}
