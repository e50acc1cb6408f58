import { badLayer } from "./layer-error.ts";
import { type PaxRecords, parsePax } from "./pax.ts";
import { checkExtents, leadingExtents, linesAfterFirst, MAX_EXTENTS, oldGnuExtents, paxExtents } from "./sparse.ts";
import { BLOCK, type Extent, type TarEntry } from "./tar-entry.ts";
import { decodeText, isZeroBlock, number, parseHeader, type RawHeader } from "./tar-header.ts";
import { describeEntry, saysSomething } from "./tar-metadata.ts";

/** What a reader gives: an entry, then its content in pieces; `at` is a piece's place in the file, and what no piece covers is a hole. */
export type TarEvent =
  | { readonly kind: "entry"; readonly entry: TarEntry }
  | { readonly kind: "content"; readonly at: number; readonly bytes: Uint8Array };

/** Bytes of one extended header or long name: it is kept in memory (Go's archive/tar has the same bound). */
const MAX_METADATA = 1 << 20;
/** What is said of all entries that follow; archivers say next to nothing. */
const MAX_GLOBALS = 256;
const MAX_GLOBAL_BYTES = 1 << 16;
/** Extended headers of one entry: archivers write one, and each is put together with those before it. */
const MAX_HEADERS = 8;

/** What is read next: blocks that say something, the content of a file, bytes that mean nothing, or nothing any more. */
type State = "header" | "metadata" | "gnu-map" | "leading-map" | "content" | "skip" | "end";

const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * Reads a tar archive that arrives in pieces: ustar, pax (with global headers, xattrs and sparse files) and GNU tar's forms. It looks at nothing but the
 * bytes, keeps no more than one header of them, and believes none: numbers are within bounds, names are what they are.
 */
export class TarReader {
  #state: State = "header";
  /** Bytes that a header, metadata or a map must have before they can be read, and those of them that are here. */
  #wanted = BLOCK;
  #parts = NOTHING;
  /** Bytes of content, metadata or padding to come. */
  #left = 0;
  #padding = 0;
  /** What is passed over is padding, and no content that nobody wants. */
  #isPadding = false;
  #zeroBlocks = 0;
  #metadataType = "";
  #longName: string | undefined;
  #longLink: string | undefined;
  #pax: PaxRecords = [];
  /** Extended headers before the next entry. */
  #headers = 0;
  #globalPax: PaxRecords = [];
  #entry: TarEntry | undefined;
  #map: Uint8Array[] = [];
  #lines = 0;
  #extents: Extent[] | undefined;
  #extent = 0;
  /** Where the next byte of content belongs: in the file, or in the piece of a sparse one. */
  #at = 0;

  /** The pieces that it gives lie in `chunk`: who wants to keep them copies them. */
  *push(chunk: Uint8Array): Generator<TarEvent, void, void> {
    for (let at = 0; at < chunk.length && this.#state !== "end"; ) {
      if (this.#state === "content" || this.#state === "skip") {
        const part = chunk.subarray(at, at + this.#left);
        if (this.#state === "content") yield* this.#place(part);
        at += part.length;
        this.#left -= part.length;
        if (this.#left === 0) this.#endOfPart();
        continue;
      }
      const part = chunk.subarray(at, at + this.#wanted - this.#parts.length);
      at += part.length;
      const whole = this.#parts.length === 0 ? part : concat(this.#parts, part);
      if (whole.length < this.#wanted) {
        this.#parts = whole.slice();
        return;
      }
      this.#parts = NOTHING;
      const entry = this.#take(whole);
      if (entry) yield { kind: "entry", entry };
    }
  }

  /** Says that no more comes; an archive may lack its last zeroes, and the padding before them, but no part of an entry. */
  end(): void {
    // umoci writes no padding after the last file, and Go's reader (archive/tar), which docker and podman have, does without.
    const padding = this.#state === "skip" && this.#left > 0 && this.#padding === 0 && this.#isPadding;
    const between = padding || (this.#state === "header" && this.#parts.length === 0 && this.#longName === undefined);
    if (this.#state === "end" || (between && this.#longLink === undefined && this.#pax.length === 0)) return;
    throw badLayer("the tar archive is cut off", this.#entry ? { path: this.#entry.name } : {});
  }

  #take(bytes: Uint8Array): TarEntry | undefined {
    if (this.#state === "header") return this.#header(bytes);
    if (this.#state === "metadata") return this.#metadata(bytes);
    if (this.#state === "gnu-map") return this.#gnuMap(bytes, 0, 21, 504);
    return this.#leadingMap(bytes);
  }

  #header(block: Uint8Array): TarEntry | undefined {
    if (isZeroBlock(block)) {
      this.#zeroBlocks++;
      if (this.#zeroBlocks === 2) this.#state = "end";
      return undefined;
    }
    if (this.#zeroBlocks > 0) throw badLayer("the tar archive goes on after a block of zeroes");
    const header = parseHeader(block);
    // "V" is the volume's label (GNU tar's manual, "--label").
    if (header.type === "V") return undefined;
    if (!"xgLKX".includes(header.type)) return this.#begin(header, block);
    if (header.size < 0 || header.size > MAX_METADATA) {
      throw badLayer(`a header of the tar archive has ${header.size} bytes; at most ${MAX_METADATA} are taken`);
    }
    this.#metadataType = header.type;
    this.#left = header.size;
    this.#want("metadata", header.size + padding(header.size));
    return header.size === 0 ? this.#metadata(NOTHING) : undefined;
  }

  #metadata(padded: Uint8Array): undefined {
    const bytes = padded.slice(0, this.#left);
    if (this.#metadataType === "L") this.#longName = decodeText(bytes, 0, bytes.length);
    else if (this.#metadataType === "K") this.#longLink = decodeText(bytes, 0, bytes.length);
    else if (this.#metadataType === "g") this.#globalPax = few(merge(this.#globalPax, recordsOf(bytes)));
    else {
      if (++this.#headers > MAX_HEADERS)
        throw badLayer(`an entry of the tar archive has more than ${MAX_HEADERS} headers`);
      this.#pax = bounded(merge(this.#pax, recordsOf(bytes)), MAX_METADATA);
    }
    this.#want("header", BLOCK);
    return undefined;
  }

  #begin(header: RawHeader, block: Uint8Array): TarEntry | undefined {
    const pax = merge(this.#globalPax, this.#pax);
    const { entry, stored } = describeEntry(header, { longName: this.#longName, longLink: this.#longLink, pax });
    this.#longName = this.#longLink = undefined;
    this.#pax = [];
    this.#headers = 0;
    this.#entry = entry;
    this.#left = stored;
    this.#padding = padding(stored);
    this.#at = this.#extent = 0;
    this.#extents = undefined;
    if (header.type === "S") {
      this.#entry = { ...entry, size: number(block, 483, 12, "size") };
      this.#extents = [];
      return this.#gnuMap(block, 386, 4, 482);
    }
    if (entry.type === "file" && pax.some(([key, value]) => key === "GNU.sparse.major" && value[0] === 0x31)) {
      this.#map = [];
      this.#lines = 0;
      this.#want("leading-map", BLOCK);
      return undefined;
    }
    if (entry.type === "file") this.#extents = paxExtents(pax);
    return this.#complete();
  }

  #gnuMap(block: Uint8Array, at: number, count: number, more: number): TarEntry | undefined {
    const extents = this.#extents ?? [];
    this.#extents = extents;
    extents.push(...oldGnuExtents(block, at, count));
    if (block[more] === 0 || extents.length > MAX_EXTENTS) return this.#complete();
    this.#want("gnu-map", BLOCK);
    return undefined;
  }

  /** Looked at as a whole when it has as many lines as its first one says: each block by itself would take a hostile archive's map square time. */
  #leadingMap(block: Uint8Array): TarEntry | undefined {
    this.#map.push(block.slice());
    this.#left -= BLOCK;
    for (const byte of block) if (byte === 0x0a) this.#lines++;
    if (this.#lines > linesAfterFirst(this.#map[0] ?? NOTHING)) {
      this.#extents = leadingExtents(join(this.#map));
      return this.#complete();
    }
    if (this.#left <= 0 || this.#map.length * BLOCK > MAX_METADATA)
      throw badLayer("the map of a sparse file has no end");
    this.#want("leading-map", BLOCK);
    return undefined;
  }

  #complete(): TarEntry | undefined {
    const entry = this.#entry;
    if (this.#extents && entry) checkExtents(this.#extents, entry.size, this.#left);
    this.#state = entry?.type === "file" ? "content" : "skip";
    if (this.#left === 0) this.#endOfPart();
    return entry;
  }

  /** After the content comes its padding, and after that a header. */
  #endOfPart(): void {
    this.#left = this.#padding;
    this.#isPadding = this.#left > 0;
    this.#padding = 0;
    if (this.#left > 0) this.#state = "skip";
    else this.#want("header", BLOCK);
  }

  #want(state: State, size: number): void {
    this.#state = state;
    this.#wanted = size;
  }

  *#place(part: Uint8Array): Generator<TarEvent, void, void> {
    if (!this.#extents) {
      yield { kind: "content", at: this.#at, bytes: part };
      this.#at += part.length;
      return;
    }
    for (let done = 0; done < part.length; ) {
      const extent = this.#extents[this.#extent];
      if (!extent) return;
      const bytes = part.subarray(done, done + extent.length - this.#at);
      if (bytes.length > 0) yield { kind: "content", at: extent.offset + this.#at, bytes };
      done += bytes.length;
      this.#at += bytes.length;
      if (this.#at < extent.length) return;
      this.#extent++;
      this.#at = 0;
    }
  }
}

export const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;

const recordsOf = (bytes: Uint8Array): PaxRecords => parsePax(bytes).filter(saysSomething);

/** However many headers say them: they are kept in memory. */
function bounded(records: PaxRecords, most: number): PaxRecords {
  const size = records.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (size > most) throw badLayer(`headers of the tar archive have ${size} bytes together; at most ${most} are taken`);
  return records;
}

/** Those for all entries are looked at with each of them, so there may be no more of them than an honest archive has. */
function few(records: PaxRecords): PaxRecords {
  if (records.length > MAX_GLOBALS)
    throw badLayer(`the tar archive has ${records.length} records for all entries; at most ${MAX_GLOBALS} are taken`);
  return bounded(records, MAX_GLOBAL_BYTES);
}

function join(blocks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(blocks.length * BLOCK);
  for (const [index, block] of blocks.entries()) whole.set(block, index * BLOCK);
  return whole;
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/** Of two records with one key the later counts. */
function merge(earlier: PaxRecords, later: PaxRecords): PaxRecords {
  if (earlier.length === 0) return later;
  const said = new Set(later.map(([key]) => key));
  return [...earlier.filter(([key]) => !said.has(key)), ...later];
}
