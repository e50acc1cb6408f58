/**
 * The wire format of netlink(7): messages with a header, and attributes in them. Pure: how messages are sent is somebody else's business. Numbers are in the
 * machine's byte order, which is little endian on both architectures.
 */

export const NETLINK_ROUTE = 0;

export const NLMSG = { NOOP: 1, ERROR: 2, DONE: 3 } as const;

/** Flags of any request; of one that gets (DUMP), and of one that makes something (REPLACE and later). */
export const NLM_F = {
  REQUEST: 1,
  ACK: 4,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
} as const;

/** struct nlmsghdr: u32 length, u16 type, u16 flags, u32 sequence number, u32 port */
export const NLMSG_HEADER = 16;
/** struct nlattr: u16 length, u16 type */
export const NLA_HEADER = 4;
/** Where the error is in the answer to a request, 0 for success, else -errno (struct nlmsgerr). */
export const NLMSGERR_ERROR = NLMSG_HEADER;

export interface NetlinkAttribute {
  readonly type: number;
  readonly payload: Uint8Array;
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

const align = (length: number) => (length + 3) & ~3;

/** A message of a fixed part, which depends on its type, and attributes. */
export function netlinkMessage(
  { type, flags, sequence = 1 }: { readonly type: number; readonly flags: number; readonly sequence?: number },
  fixed: Uint8Array,
  attributes: readonly NetlinkAttribute[] = [],
): Uint8Array {
  const start = NLMSG_HEADER + align(fixed.length);
  const length = attributes.reduce((sum, { payload }) => sum + align(NLA_HEADER + payload.length), start);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(fixed, NLMSG_HEADER);
  let at = start;
  for (const attribute of attributes) {
    view.setUint16(at, NLA_HEADER + attribute.payload.length, true);
    view.setUint16(at + 2, attribute.type, true);
    bytes.set(attribute.payload, at + NLA_HEADER);
    at += align(NLA_HEADER + attribute.payload.length);
  }
  return bytes;
}

/** The messages of what recv(2) gives; what is cut off is left out. */
export function decodeMessages(bytes: Uint8Array): readonly NetlinkMessage[] {
  const view = viewOf(bytes);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + NLMSG_HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < NLMSG_HEADER || at + length > bytes.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.subarray(at + NLMSG_HEADER, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** The two upper bits of a type say something of the payload (NLA_F_NESTED, NLA_F_NET_BYTEORDER). */
const NLA_TYPE_MASK = 0x3fff;

/** The attributes after a message's fixed part, or in a nested attribute, by their types; the last one of a type counts. */
export function decodeAttributes(bytes: Uint8Array, from = 0): ReadonlyMap<number, Uint8Array> {
  const view = viewOf(bytes);
  const attributes = new Map<number, Uint8Array>();
  for (let at = align(from); at + NLA_HEADER <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < NLA_HEADER || at + length > bytes.length) break;
    attributes.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + NLA_HEADER, at + length));
    at += align(length);
  }
  return attributes;
}

/** What the kernel says to a request: 0, or an errno. Undefined when the message is none of that kind. */
export function decodeError({ type, payload }: NetlinkMessage): number | undefined {
  if (type !== NLMSG.ERROR || payload.length < 4) return undefined;
  const error = viewOf(payload).getInt32(0, true);
  return error === 0 ? 0 : -error;
}

/** A text with its NUL byte, as attributes have them. */
export const netlinkText = (content: string): Uint8Array => new TextEncoder().encode(`${content}\0`);
export const decodeText = (payload: Uint8Array): string => new TextDecoder().decode(payload).replace(/\0.*$/s, "");

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
