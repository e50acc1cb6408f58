import { parseSignature, parseSingle, type Type } from "./signature.ts";
import { LIMIT, padding, type Value } from "./value.ts";

/** The values of received bytes, which begin at a multiple of eight. Throws RangeError for what the specification does not permit. */
export function unmarshal(signature: string, bytes: Uint8Array, little = true): readonly Value[] {
  const reader = new Reader(bytes, little);
  const values = parseSignature(signature).map((type) => read(reader, type, 0));
  if (reader.at !== bytes.length) throw new RangeError(`${bytes.length - reader.at} bytes too many for ${signature}`);
  return values;
}

/** Goes through bytes, and never beyond them. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  at = 0;

  constructor(bytes: Uint8Array, little: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = little;
  }

  align(alignment: number): void {
    const skipped = this.take(padding(this.at, alignment));
    if (skipped.some((byte) => byte !== 0)) throw new RangeError("padding that is not zero");
  }

  take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new RangeError("a message that ends too soon");
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  number<T>(size: number, get: (view: DataView, at: number, little: boolean) => T): T {
    this.align(size);
    this.take(size);
    return get(this.#view, this.at - size, this.#little);
  }

  u32(): number {
    return this.number(4, (view, at, little) => view.getUint32(at, little));
  }

  text(length: number): string {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.take(length));
    if (text.includes("\0") || this.take(1)[0] !== 0) throw new RangeError("a text that does not end where it says");
    return text;
  }
}

function read(reader: Reader, type: Type, variants: number): Value {
  switch (type.code) {
    case "a":
      return readArray(reader, type.item, variants);
    case "(":
    case "{":
      reader.align(8);
      return type.members.map((member) => read(reader, member, variants));
    case "v":
      return readVariant(reader, variants + 1);
    case "s":
    case "o":
      return reader.text(reader.u32());
    case "g":
      return reader.text(reader.take(1)[0] ?? 0);
    case "b":
      return readBoolean(reader);
    default:
      return NUMBERS[type.code](reader);
  }
}

const NUMBERS = {
  y: (reader: Reader): Value => reader.take(1)[0] ?? 0,
  n: (reader: Reader): Value => reader.number(2, (view, at, little) => view.getInt16(at, little)),
  q: (reader: Reader): Value => reader.number(2, (view, at, little) => view.getUint16(at, little)),
  i: (reader: Reader): Value => reader.number(4, (view, at, little) => view.getInt32(at, little)),
  u: (reader: Reader): Value => reader.u32(),
  h: (reader: Reader): Value => reader.u32(),
  x: (reader: Reader): Value => reader.number(8, (view, at, little) => view.getBigInt64(at, little)),
  t: (reader: Reader): Value => reader.number(8, (view, at, little) => view.getBigUint64(at, little)),
  d: (reader: Reader): Value => reader.number(8, (view, at, little) => view.getFloat64(at, little)),
} as const;

function readBoolean(reader: Reader): boolean {
  const number = reader.u32();
  if (number > 1) throw new RangeError(`a boolean of ${number}`);
  return number === 1;
}

function readArray(reader: Reader, item: Type, variants: number): Value {
  const length = reader.u32();
  if (length > LIMIT.ARRAY) throw new RangeError(`an array of ${length} bytes`);
  reader.align(item.alignment);
  if (item.code === "y") return reader.take(length).slice();
  const end = reader.at + length;
  const items: Value[] = [];
  while (reader.at < end) items.push(read(reader, item, variants));
  if (reader.at !== end) throw new RangeError("an array that does not end with an item");
  return items;
}

function readVariant(reader: Reader, variants: number): Value {
  if (variants > LIMIT.VARIANTS) throw new RangeError("too many variants in each other");
  const signature = reader.text(reader.take(1)[0] ?? 0);
  return { signature, value: read(reader, parseSingle(signature), variants) };
}
