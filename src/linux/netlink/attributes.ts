import type { NetlinkAttribute } from "./message.ts";
import { NLA_F, viewOf } from "./message.ts";

/** Payloads of attributes, by their kinds (linux/net/netlink.h); those with `be` are in network byte order. */
export const attribute = {
  bytes: (type: number, payload: Uint8Array): NetlinkAttribute => ({ type, payload }),
  u8: (type: number, value: number): NetlinkAttribute => ({ type, payload: Uint8Array.of(value) }),
  u16: (type: number, value: number): NetlinkAttribute => ({ type, payload: number(2, value, true) }),
  u16be: (type: number, value: number): NetlinkAttribute => ({ type, payload: number(2, value, false) }),
  u32: (type: number, value: number): NetlinkAttribute => ({ type, payload: number(4, value, true) }),
  u32be: (type: number, value: number): NetlinkAttribute => ({ type, payload: number(4, value, false) }),
  text: (type: number, value: string): NetlinkAttribute => ({ type, payload: netlinkText(value) }),
  /** What is there says all. */
  flag: (type: number): NetlinkAttribute => ({ type, payload: new Uint8Array(0) }),
  nested: <V = never>(type: number, nested: readonly NetlinkAttribute<V>[]): NetlinkAttribute<V> => ({
    type: type | NLA_F.NESTED,
    nested,
  }),
} as const;

function number(size: 2 | 4, value: number, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(size);
  if (size === 2) viewOf(bytes).setUint16(0, value, littleEndian);
  else viewOf(bytes).setUint32(0, value, littleEndian);
  return bytes;
}

/** What attributes hold, or undefined when they are not there, or too short for it. */
export const readU8 = (payload: Uint8Array | undefined): number | undefined => payload?.[0];
export const readU16 = (payload: Uint8Array | undefined): number | undefined =>
  payload && payload.length >= 2 ? viewOf(payload).getUint16(0, true) : undefined;
export const readU32 = (payload: Uint8Array | undefined): number | undefined =>
  payload && payload.length >= 4 ? viewOf(payload).getUint32(0, true) : undefined;
export const readS32 = (payload: Uint8Array | undefined): number | undefined =>
  payload && payload.length >= 4 ? viewOf(payload).getInt32(0, true) : undefined;
export const readText = (payload: Uint8Array | undefined): string | undefined => payload && decodeText(payload);

/** A text with its NUL byte, as attributes have them. */
export const netlinkText = (content: string): Uint8Array => new TextEncoder().encode(`${content}\0`);
export const decodeText = (payload: Uint8Array): string => new TextDecoder().decode(payload).replace(/\0.*$/s, "");
