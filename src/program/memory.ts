import type { DataRef } from "./program.ts";

const encoder = new TextEncoder();
const align = (offset: number, alignment: number) => Math.ceil(offset / alignment) * alignment;

/** The memory of a program while it is being built: initialised data, zeroed buffers, and pointers between them. */
export class Memory {
  // A usual container's data fits, so that it is not copied while it grows.
  #data = new Uint8Array(16384);
  #length = 0;
  #zeroes = 0;
  readonly #strings = new Map<string, DataRef>();
  readonly relocations: { where: number; target: DataRef }[] = [];

  /** A NUL-terminated string; equal strings share one place. */
  string(text: string): DataRef {
    const known = this.#strings.get(text);
    if (known) return known;
    const offset = this.#reserve(text.length * 3 + 1, 1);
    this.#length = offset + this.#write(text, offset) + 1;
    const ref: DataRef = { kind: "data", offset, zero: false };
    this.#strings.set(text, ref);
    return ref;
  }

  bytes(content: Uint8Array, alignment = 8): DataRef {
    const offset = this.#reserve(content.length, alignment);
    this.#data.set(content, offset);
    this.#length = offset + content.length;
    return { kind: "data", offset, zero: false };
  }

  /** A buffer of zeroes, which costs nothing to send. */
  zeroed(size: number): DataRef {
    const offset = align(this.#zeroes, 8);
    this.#zeroes = offset + size;
    return { kind: "data", offset, zero: true };
  }

  /** A structure with pointers in it: 8 bytes at `at` receive the address of `target`. */
  pointer(structure: DataRef, at: number, target: DataRef): void {
    if (structure.zero) throw new RangeError("a relocation in zeroed memory");
    this.relocations.push({ where: structure.offset + at, target });
  }

  /** A NULL-terminated array of pointers to strings, as execve(2) wants. */
  strings(texts: readonly string[]): DataRef {
    return this.pointers(texts.map((text) => this.string(text)));
  }

  /** A NULL-terminated array of pointers. */
  pointers(targets: readonly DataRef[]): DataRef {
    const array = this.bytes(new Uint8Array((targets.length + 1) * 8));
    targets.forEach((target, index) => {
      this.pointer(array, index * 8, target);
    });
    return array;
  }

  /** The place `by` bytes further on. */
  at(ref: DataRef, by: number): DataRef {
    return { ...ref, offset: ref.offset + by };
  }

  get data(): Uint8Array {
    return this.#data.subarray(0, align(this.#length, 8));
  }

  get zeroes(): number {
    return align(this.#zeroes, 8);
  }

  /** Most strings are short and ASCII: those are written faster by hand than by the encoder. */
  #write(text: string, offset: number): number {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === 0) throw new RangeError(`a NUL byte in ${JSON.stringify(text)}`);
      if (code > 127) return encoder.encodeInto(text, this.#data.subarray(offset)).written;
      this.#data[offset + i] = code;
    }
    return text.length;
  }

  #reserve(size: number, alignment: number): number {
    const offset = align(this.#length, alignment);
    if (offset + size + 8 > this.#data.length) {
      const larger = new Uint8Array(Math.max(this.#data.length * 2, offset + size + 8));
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#length = offset;
    return offset;
  }
}
