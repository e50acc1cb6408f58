import { badLayer } from "./layer-error.ts";
import { decodeName } from "./name-bytes.ts";
import type { PaxRecords } from "./pax.ts";
import { paxNumber } from "./pax.ts";
import type { Extent } from "./tar-entry.ts";
import { number } from "./tar-header.ts";

/** More pieces than a file of sense has: a map is kept in memory. */
export const MAX_EXTENTS = 1 << 20;

/** Of the old GNU format: pairs of numbers of 12 bytes each, until one is empty. */
export function oldGnuExtents(block: Uint8Array, at: number, count: number): Extent[] {
  const extents: Extent[] = [];
  for (let i = 0; i < count; i++) {
    const place = at + i * 24;
    if (block[place] === 0) break;
    extents.push({ offset: number(block, place, 12, "map"), length: number(block, place + 12, 12, "map") });
  }
  return extents;
}

/** Of GNU tar's pax formats 0.0 (a record for each number) and 0.1 (one record with all); undefined when there is none. */
export function paxExtents(records: PaxRecords): Extent[] | undefined {
  const map = records.find(([key]) => key === "GNU.sparse.map");
  if (map)
    return pairs(
      decodeName(map[1])
        .split(",")
        .filter((part) => part !== "")
        .map(decimal),
    );
  const numbers = records.filter(([key]) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes");
  if (numbers.length === 0) return undefined;
  return pairs(numbers.map(([key, value]) => paxNumber(key, value)));
}

/** Of format 1.0: how many lines follow the first one, which says how many pieces there are. */
export function linesAfterFirst(block: Uint8Array): number {
  const end = block.indexOf(0x0a);
  const count = decimal(end < 0 ? "" : decodeName(block, 0, end));
  if (count > MAX_EXTENTS) throw malformed();
  return count * 2;
}

/** Of format 1.0: decimal numbers, each with a newline, before the data. */
export function leadingExtents(bytes: Uint8Array): Extent[] {
  const numbers: number[] = [];
  let end = bytes.indexOf(0x0a);
  for (let lines = linesAfterFirst(bytes); lines > 0; lines--) {
    const start = end + 1;
    end = bytes.indexOf(0x0a, start);
    numbers.push(decimal(decodeName(bytes, start, end)));
  }
  return pairs(numbers);
}

/** Refuses a map that overlaps itself, leaves the file or is not what is stored. */
export function checkExtents(extents: readonly Extent[], size: number, stored: number): void {
  let end = 0;
  let total = 0;
  for (const { offset, length } of extents) {
    if (offset < end || length < 0 || !Number.isSafeInteger(offset + length)) throw malformed();
    end = offset + length;
    total += length;
  }
  if (end > size || total !== stored || extents.length > MAX_EXTENTS) throw malformed();
}

function pairs(numbers: readonly number[]): Extent[] {
  if (numbers.length % 2 !== 0) throw malformed();
  const extents: Extent[] = [];
  for (let i = 0; i < numbers.length; i += 2) extents.push({ offset: numbers[i] ?? 0, length: numbers[i + 1] ?? 0 });
  return extents;
}

function decimal(text: string): number {
  if (!/^\d{1,16}$/.test(text)) throw malformed();
  return Number(text);
}

const malformed = () => badLayer("the map of a sparse file in the tar archive is malformed");
