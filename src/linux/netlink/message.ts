/**
 * The wire format of netlink(7): messages with a header, and attributes in them. Pure: how messages are sent is somebody else's business. Numbers are in the
 * machine's byte order, which is little endian on both architectures.
 */

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
/** Of nf_tables among those of NETLINK_NETFILTER (nfnetlink.h). */
export const NFNL_SUBSYS_NFTABLES = 10;

export const NLMSG = { NOOP: 1, ERROR: 2, DONE: 3 } as const;

/** Flags of any request; of one that gets (DUMP), and of one that makes something (REPLACE and later). */
export const NLM_F = {
  REQUEST: 1,
  MULTI: 2,
  ACK: 4,
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
} as const;

/** struct nlmsghdr: u32 length, u16 type, u16 flags, u32 sequence number, u32 port */
export const NLMSG_HEADER = 16;
/** Where the type, the flags and the sequence number of a message are. */
export const NLMSG_TYPE = 4;
export const NLMSG_FLAGS = 6;
export const NLMSG_SEQUENCE = 8;
/** struct nlattr: u16 length, u16 type */
export const NLA_HEADER = 4;
export const NLA_F = { NESTED: 0x8000, NET_BYTEORDER: 0x4000 } as const;
/** Where the error is in the answer to a request, 0 for success, else -errno (struct nlmsgerr). */
export const NLMSGERR_ERROR = NLMSG_HEADER;

/**
 * An attribute: of bytes; of others, perhaps after a fixed part; or a u32 that is known only when the message is sent, as the index of an interface that is not
 * there yet, or a descriptor. `V` is what stands for such a number.
 */
export type NetlinkAttribute<V = never> =
  | { readonly type: number; readonly payload: Uint8Array }
  | { readonly type: number; readonly head?: Uint8Array; readonly nested: readonly NetlinkAttribute<V>[] }
  | { readonly type: number; readonly later: V };

/** Where in a message a number belongs that is not known yet. */
export interface NetlinkFill<V> {
  /** Bytes from the start of the message. */
  readonly at: number;
  readonly value: V;
}

/** A message, and what is still to be put into it. */
export interface NetlinkRequest<V = never> {
  readonly message: Uint8Array;
  readonly fills: readonly NetlinkFill<V>[];
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

export const align = (length: number) => (length + 3) & ~3;

const payloadLength = <V>(attribute: NetlinkAttribute<V>): number => {
  if ("payload" in attribute) return attribute.payload.length;
  return "later" in attribute ? 4 : align(attribute.head?.length ?? 0) + attributesLength(attribute.nested);
};
const attributesLength = <V>(attributes: readonly NetlinkAttribute<V>[]): number =>
  attributes.reduce((sum, attribute) => sum + align(NLA_HEADER + payloadLength(attribute)), 0);

interface Writer<V> {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly fills: NetlinkFill<V>[];
}

function writeAttributes<V>(writer: Writer<V>, attributes: readonly NetlinkAttribute<V>[], from: number): void {
  let at = from;
  for (const attribute of attributes) {
    const length = NLA_HEADER + payloadLength(attribute);
    const payload = at + NLA_HEADER;
    if (length > 0xffff) throw new RangeError(`an attribute of netlink has at most 65535 bytes, not ${length}`);
    writer.view.setUint16(at, length, true);
    writer.view.setUint16(at + 2, attribute.type, true);
    if ("payload" in attribute) writer.bytes.set(attribute.payload, payload);
    else if ("later" in attribute) writer.fills.push({ at: payload, value: attribute.later });
    else {
      writer.bytes.set(attribute.head ?? new Uint8Array(0), payload);
      writeAttributes(writer, attribute.nested, payload + align(attribute.head?.length ?? 0));
    }
    at += align(length);
  }
}

export interface MessageHead {
  readonly type: number;
  readonly flags: number;
  readonly sequence?: number;
}

/** A message of a fixed part, which depends on its type, and attributes. `fills` are those of the fixed part, from its start. */
export function netlinkRequest<V = never>(
  { type, flags, sequence = 1 }: MessageHead,
  fixed: Uint8Array,
  attributes: readonly NetlinkAttribute<V>[] = [],
  fills: readonly NetlinkFill<V>[] = [],
): NetlinkRequest<V> {
  const start = NLMSG_HEADER + align(fixed.length);
  const bytes = new Uint8Array(start + attributesLength(attributes));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(NLMSG_FLAGS, flags, true);
  view.setUint32(NLMSG_SEQUENCE, sequence, true);
  bytes.set(fixed, NLMSG_HEADER);
  const writer = { bytes, view, fills: fills.map(({ at, value }) => ({ at: NLMSG_HEADER + at, value })) };
  writeAttributes(writer, attributes, start);
  return { message: bytes, fills: writer.fills };
}

/** As `netlinkRequest`, when all is known. */
export const netlinkMessage = (
  head: MessageHead,
  fixed: Uint8Array,
  attributes: readonly NetlinkAttribute[] = [],
): Uint8Array => netlinkRequest(head, fixed, attributes).message;

/** The messages of what recv(2) gives; what is cut off is left out. */
export function decodeMessages(bytes: Uint8Array): readonly NetlinkMessage[] {
  const view = viewOf(bytes);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + NLMSG_HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < NLMSG_HEADER || at + length > bytes.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + NLMSG_FLAGS, true),
      sequence: view.getUint32(at + NLMSG_SEQUENCE, true),
      payload: bytes.subarray(at + NLMSG_HEADER, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** The two upper bits of a type say something of the payload (NLA_F_NESTED, NLA_F_NET_BYTEORDER). */
const NLA_TYPE_MASK = 0x3fff;

/** The attributes after a message's fixed part, or in a nested attribute, in their order. */
export function decodeAttributeList(
  bytes: Uint8Array,
  from = 0,
): readonly { readonly type: number; readonly payload: Uint8Array }[] {
  const view = viewOf(bytes);
  const attributes: { readonly type: number; readonly payload: Uint8Array }[] = [];
  for (let at = align(from); at + NLA_HEADER <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < NLA_HEADER || at + length > bytes.length) break;
    const payload = bytes.subarray(at + NLA_HEADER, at + length);
    attributes.push({ type: view.getUint16(at + 2, true) & NLA_TYPE_MASK, payload });
    at += align(length);
  }
  return attributes;
}

/** The same by their types; the last one of a type counts. */
export const decodeAttributes = (bytes: Uint8Array, from = 0): ReadonlyMap<number, Uint8Array> =>
  new Map(decodeAttributeList(bytes, from).map(({ type, payload }) => [type, payload]));

/** What the kernel says to a request: 0, or an errno. Undefined when the message is none of that kind. */
export function decodeError({ type, payload }: NetlinkMessage): number | undefined {
  if (type !== NLMSG.ERROR || payload.length < 4) return undefined;
  const error = viewOf(payload).getInt32(0, true);
  return error === 0 ? 0 : -error;
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
