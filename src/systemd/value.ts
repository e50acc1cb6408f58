/**
 * A value of D-Bus. Numbers up to 32 bits and doubles are numbers (a descriptor, "h", is its index), those of 64 bits bigints, arrays of bytes Uint8Arrays; other
 * arrays and structures are arrays, and a dictionary is an array of pairs.
 */
export type Value = number | bigint | boolean | string | Uint8Array | Variant | readonly Value[];

/** A value that brings its type with it. */
export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

export const variant = (signature: string, value: Value): Variant => ({ signature, value });

/** The largest array and the largest message that the specification permits. */
export const LIMIT = { ARRAY: 1 << 26, MESSAGE: 1 << 27, VARIANTS: 64 } as const;

export const padding = (at: number, alignment: number): number => (alignment - (at % alignment)) % alignment;
