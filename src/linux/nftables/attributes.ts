/**
 * Attributes of nfnetlink as typed values. What a nested attribute contains is a table of names, numbers and codecs; from it follow the type of the value, how
 * it is encoded and how it is decoded. Numbers are in network byte order (nf_tables.h), unlike rtnetlink's.
 */
import { NLA_HEADER, netlinkText, viewOf } from "../index.ts";

export interface Codec<T> {
  /** The attribute's type has NLA_F_NESTED. */
  readonly nested?: boolean;
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/** An attribute as it lies in a message. */
export interface Attribute {
  readonly type: number;
  readonly payload: Uint8Array;
}

export const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const NFTA_LIST_ELEM = 1;

const number = (size: number, write: (view: DataView, value: number) => void, read: (view: DataView) => number) => ({
  encode(value: number) {
    const bytes = new Uint8Array(size);
    write(viewOf(bytes), value);
    return bytes;
  },
  decode: (bytes: Uint8Array) => (bytes.length >= size ? read(viewOf(bytes)) : 0),
});

export const u32: Codec<number> = number(
  4,
  (view, value) => view.setUint32(0, value),
  (view) => view.getUint32(0),
);
export const s32: Codec<number> = number(
  4,
  (view, value) => view.setInt32(0, value),
  (view) => view.getInt32(0),
);
/** Handles and counters; below 2^53, as numbers of things that are counted are. */
export const u64: Codec<number> = number(
  8,
  (view, value) => view.setBigUint64(0, BigInt(value)),
  (view) => Number(view.getBigUint64(0)),
);
export const text: Codec<string> = {
  encode: netlinkText,
  decode: (bytes) => new TextDecoder().decode(bytes).replace(/\0.*$/s, ""),
};
export const raw: Codec<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes.slice() };

type Schema = Readonly<Record<string, readonly [type: number, codec: Codec<unknown>]>>;
type ValueOf<C> = C extends Codec<infer T> ? T : never;
/** What a table of attributes describes: each of them can be missing. */
export type Attributes<S extends Schema> = { readonly [K in keyof S]?: ValueOf<S[K][1]> };

/** A nested attribute of named ones. Those that are undefined are left out; those that are not known are passed over. */
export function attributes<S extends Schema>(schema: S): Codec<Attributes<S>> {
  const byType = new Map(Object.entries(schema).map(([name, [type, codec]]) => [type, { name, codec }]));
  return {
    nested: true,
    encode: (value) => joinAttributes(listAttributes(schema, value)),
    decode(bytes) {
      const found: Record<string, unknown> = {};
      for (const { type, payload } of splitAttributes(bytes)) {
        const known = byType.get(type);
        if (known) found[known.name] = known.codec.decode(payload);
      }
      return found as Attributes<S>;
    },
  };
}

/** The attributes of a message, whose fixed part comes before them. */
export function listAttributes<S extends Schema>(schema: S, value: Attributes<S>): readonly Attribute[] {
  return Object.entries(schema).flatMap(([name, [type, codec]]) => {
    const member: unknown = value[name];
    if (member === undefined) return [];
    return [{ type: codec.nested ? type | NLA_F_NESTED : type, payload: codec.encode(member) }];
  });
}

/** Any number of values of the same kind. */
export function list<T>(item: Codec<T>): Codec<readonly T[]> {
  const type = item.nested ? NFTA_LIST_ELEM | NLA_F_NESTED : NFTA_LIST_ELEM;
  return {
    nested: true,
    encode: (values) => joinAttributes(values.map((value) => ({ type, payload: item.encode(value) }))),
    decode: (bytes) => splitAttributes(bytes).map(({ payload }) => item.decode(payload)),
  };
}

const align = (length: number) => (length + 3) & ~3;

/** The length of an attribute has 16 bits. */
const LONGEST = 0xffff - NLA_HEADER;

function joinAttributes(all: readonly Attribute[]): Uint8Array {
  const bytes = new Uint8Array(all.reduce((sum, { payload }) => sum + align(NLA_HEADER + payload.length), 0));
  if (bytes.length > LONGEST) throw new RangeError(`an attribute of ${bytes.length} bytes is too long`);
  const view = viewOf(bytes);
  let at = 0;
  for (const { type, payload } of all) {
    view.setUint16(at, NLA_HEADER + payload.length, true);
    view.setUint16(at + 2, type, true);
    bytes.set(payload, at + NLA_HEADER);
    at += align(NLA_HEADER + payload.length);
  }
  return bytes;
}

/** All of them in their order; what is cut off is left out. */
export function splitAttributes(bytes: Uint8Array): readonly Attribute[] {
  const view = viewOf(bytes);
  const all: Attribute[] = [];
  for (let at = 0; at + NLA_HEADER <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < NLA_HEADER || at + length > bytes.length) break;
    all.push({
      type: view.getUint16(at + 2, true) & NLA_TYPE_MASK,
      payload: bytes.subarray(at + NLA_HEADER, at + length),
    });
    at += align(length);
  }
  return all;
}
