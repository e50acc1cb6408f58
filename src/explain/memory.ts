import type { Arg, DataRef, Program } from "../program/index.ts";

/** What an argument or a member of a structure holds, as far as it is known before the program runs. */
export type Value =
  | { readonly kind: "number"; readonly value: bigint }
  /** An address in the program's memory, counted from the start of the data. */
  | { readonly kind: "address"; readonly at: number }
  | { readonly kind: "register"; readonly index: number; readonly name: string };

interface Patch {
  readonly width: number;
  readonly value: Value;
  /** What fills the rest of decimal text: "\0" ends the string, "/" separates names; undefined for a binary number. */
  readonly fill: string | undefined;
}

/** A number that a program holds; what is not an integer has no meaning to the executor and reads as 0. */
const integer = (value: number | bigint) =>
  typeof value === "bigint" ? value : BigInt(Number.isFinite(value) ? Math.trunc(value) : 0);

/** The memory of a program at one of its operations: the data, with what earlier operations have put into it. */
export class MemoryView {
  readonly #program: Program;
  readonly #pointers: ReadonlyMap<number, number>;
  readonly #patches: Map<number, Patch>;

  constructor(program: Program, earlier?: MemoryView) {
    this.#program = program;
    this.#patches = new Map(earlier ? earlier.#patches : []);
    this.#pointers = earlier
      ? earlier.#pointers
      : new Map(program.relocations.map(({ where, target }) => [where, this.address(target)]));
  }

  /** The copy that a spawned process has. */
  fork(): MemoryView {
    return new MemoryView(this.#program, this);
  }

  address(ref: DataRef): number {
    return ref.zero ? this.#program.data.length + ref.offset : ref.offset;
  }

  value(arg: Arg): Value {
    if (typeof arg === "object") {
      if (arg.kind === "data") return { kind: "address", at: this.address(arg) };
      return { kind: "register", index: arg.index, name: arg.name };
    }
    return { kind: "number", value: integer(arg) };
  }

  /** Notes that an operation writes a value there: STORE, or DECIMAL as text. */
  patch(at: number, width: number, value: Value, fill?: string): void {
    this.#patches.set(at, { width, value, fill });
  }

  /** Notes that the kernel overwrites a buffer. */
  forget(at: number, length: number): void {
    for (const place of this.#patches.keys()) if (place >= at && place < at + length) this.#patches.delete(place);
  }

  /** A member of a structure; undefined outside the memory. */
  member(at: number, width: number, signed: boolean): Value | undefined {
    const patch = this.#patches.get(at);
    if (patch) return patch.value;
    const target = width === 8 ? this.#pointers.get(at) : undefined;
    if (target !== undefined) return { kind: "address", at: target };
    if (at < 0 || at + width > this.#size) return undefined;
    let value = 0n;
    for (let i = width - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#byte(at + i));
    return { kind: "number", value: signed ? BigInt.asIntN(width * 8, value) : value };
  }

  /** `&data[8]` for initialised memory, `&buf[8]` for the zeroed memory after it. */
  place(at: number): string {
    const { length } = this.#program.data;
    return at < length ? `&data[${at}]` : `&buf[${at - length}]`;
  }

  /** A NUL-terminated string in quotes; undefined where there is none before the program runs. */
  string(at: number): string | undefined {
    return this.#text(at, this.#size - at, true);
  }

  /** A string of at least two printable characters, where it is not known that there is one. */
  stringLike(at: number): string | undefined {
    const { data } = this.#program;
    const end = data.indexOf(0, at);
    if (at < 0 || end < at + 2 || data.subarray(at, end).some(isControl)) return undefined;
    return this.string(at);
  }

  /** Text of that length in quotes; undefined when it is not printable. */
  text(at: number, length: number): string | undefined {
    return length < 0 ? undefined : this.#text(at, length, false);
  }

  get #size(): number {
    return this.#program.data.length + this.#program.zeroes;
  }

  #byte(at: number): number {
    return this.#program.data[at] ?? 0;
  }

  #text(from: number, length: number, terminated: boolean): string | undefined {
    const inData = (at: number) => at < this.#program.data.length;
    if (from < 0 || length < 0 || from + length > this.#size || !(inData(from) || this.#patches.has(from)))
      return undefined;
    let text = "";
    let bytes: number[] = [];
    const flush = () => {
      text += escaped(bytes);
      bytes = [];
    };
    for (let at = from; at < from + length; at++) {
      const patch = this.#patches.get(at);
      if (patch) {
        flush();
        if (patch.fill === "/" && !text.endsWith("/")) text += "/";
        text += hole(patch.value);
        if (terminated && patch.fill === "\0") return `"${text}"`;
        at += Math.max(patch.width, 1) - 1;
      } else if (this.#byte(at) === 0) {
        if (!terminated) return undefined;
        flush();
        return `"${text}"`;
      } else {
        bytes.push(this.#byte(at));
      }
    }
    if (terminated || bytes.some(isControl)) return undefined;
    flush();
    return `"${text}"`;
  }
}

const isControl = (byte: number) => (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) || byte === 0x7f;

/** The place of a register's decimal text in a string: `"/proc/self/fd/{fd}"`. */
const hole = (value: Value) =>
  value.kind === "register" ? `{${value.name}}` : value.kind === "number" ? `${value.value}` : "{}";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Control and formatting characters are escaped: a listing goes to terminals. */
const escaped = (bytes: readonly number[]) =>
  JSON.stringify(decoder.decode(Uint8Array.from(bytes)))
    .slice(1, -1)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
