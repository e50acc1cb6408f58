import { parseSignature, parseSingle, type Type } from "./signature.ts";
import { LIMIT, padding, type Value, type Variant } from "./value.ts";

/** Values as they are sent, little-endian, the first at a multiple of eight ("D-Bus Specification", "Marshaling"). Throws TypeError for what does not fit its type. */
export function marshal(signature: string, values: readonly Value[]): Uint8Array {
  const types = parseSignature(signature);
  if (types.length !== values.length) throw new TypeError(`${values.length} values for the signature ${signature}`);
  const writer = new Writer();
  types.forEach((type, index) => {
    write(writer, type, values[index] as Value, 0);
  });
  return writer.bytes();
}

/** Bytes that grow. */
class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  align(alignment: number): void {
    this.#room(padding(this.length, alignment));
  }

  /** Room at the next multiple of `size`, filled by `fill`. */
  number(size: number, fill: (view: DataView, at: number) => void): void {
    this.align(size);
    // The bytes may be others afterwards.
    const at = this.#room(size);
    fill(this.#view, at);
  }

  u32(value: number): void {
    this.number(4, (view, at) => view.setUint32(at, value, true));
  }

  u32At(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Gives where the new bytes begin, which are zero. */
  #room(size: number): number {
    const at = this.length;
    const needed = at + size;
    if (needed > LIMIT.MESSAGE) throw new TypeError("the message is too long for D-Bus");
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.length = needed;
    return at;
  }
}

function write(writer: Writer, type: Type, value: Value, variants: number): void {
  switch (type.code) {
    case "a":
      writeArray(writer, type.item, value, variants);
      return;
    case "(":
    case "{":
      writeMembers(writer, type.members, value, variants);
      return;
    case "v":
      writeVariant(writer, value, variants + 1);
      return;
    case "s":
    case "o":
    case "g":
      writeText(writer, type.code, value);
      return;
    default:
      writeNumber(writer, type.code, value);
  }
}

const INTEGERS = {
  y: { size: 1, least: 0, most: 0xff },
  n: { size: 2, least: -0x8000, most: 0x7fff },
  q: { size: 2, least: 0, most: 0xffff },
  i: { size: 4, least: -0x8000_0000, most: 0x7fff_ffff },
  u: { size: 4, least: 0, most: 0xffff_ffff },
  h: { size: 4, least: 0, most: 0xffff_ffff },
} as const;

const LONG = { x: { least: -(1n << 63n), most: (1n << 63n) - 1n }, t: { least: 0n, most: (1n << 64n) - 1n } } as const;

function writeNumber(writer: Writer, code: keyof typeof INTEGERS | keyof typeof LONG | "b" | "d", value: Value): void {
  if (code === "b") {
    if (typeof value !== "boolean") throw misfit(code, value);
    writer.u32(Number(value));
  } else if (code === "d") {
    if (typeof value !== "number") throw misfit(code, value);
    writer.number(8, (view, at) => view.setFloat64(at, value, true));
  } else if (code === "x" || code === "t") {
    if (typeof value !== "bigint" || value < LONG[code].least || value > LONG[code].most) throw misfit(code, value);
    writer.number(8, (view, at) => view.setBigInt64(at, BigInt.asIntN(64, value), true));
  } else {
    const { size, least, most } = INTEGERS[code];
    if (!Number.isInteger(value) || Number(value) < least || Number(value) > most) throw misfit(code, value);
    writer.number(size, (view, at) => {
      if (size === 1) view.setUint8(at, Number(value));
      else if (size === 2) view.setUint16(at, Number(value) & 0xffff, true);
      else view.setUint32(at, Number(value) >>> 0, true);
    });
  }
}

const PATH = /^\/$|^(\/[A-Za-z0-9_]+)+$/;

function writeText(writer: Writer, code: "s" | "o" | "g", value: Value): void {
  if (typeof value !== "string" || value.includes("\0")) throw misfit(code, value);
  if (code === "o" && !PATH.test(value)) throw misfit(code, value);
  const bytes = new TextEncoder().encode(value);
  if (code === "g") {
    parseSignature(value);
    writer.raw(Uint8Array.of(bytes.length));
  } else writer.u32(bytes.length);
  writer.raw(bytes);
  writer.raw(Uint8Array.of(0));
}

function writeArray(writer: Writer, item: Type, value: Value, variants: number): void {
  writer.u32(0);
  const counted = writer.length - 4;
  // The padding before the first item is not counted, and it is there even when there is none.
  writer.align(item.alignment);
  const start = writer.length;
  if (item.code === "y") {
    if (!(value instanceof Uint8Array)) throw misfit("ay", value);
    writer.raw(value);
  } else {
    if (!isList(value)) throw misfit("a", value);
    for (const one of value) write(writer, item, one, variants);
  }
  const length = writer.length - start;
  if (length > LIMIT.ARRAY) throw new TypeError("the array is too long for D-Bus");
  writer.u32At(counted, length);
}

function writeMembers(writer: Writer, members: readonly Type[], value: Value, variants: number): void {
  if (!isList(value) || value.length !== members.length) throw misfit("(", value);
  writer.align(8);
  members.forEach((member, index) => {
    write(writer, member, value[index] as Value, variants);
  });
}

function writeVariant(writer: Writer, value: Value, variants: number): void {
  if (!isVariant(value) || variants > LIMIT.VARIANTS) throw misfit("v", value);
  writeText(writer, "g", value.signature);
  write(writer, parseSingle(value.signature), value.value, variants);
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
const isVariant = (value: Value): value is Variant =>
  typeof value === "object" && !isList(value) && !(value instanceof Uint8Array);

const misfit = (code: string, value: Value) =>
  new TypeError(`${typeof value === "object" ? "this value" : String(value)} is none of the D-Bus type ${code}`);
