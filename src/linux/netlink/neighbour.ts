/** Neighbours on a link in the terms of rtnetlink(7) and linux/neighbour.h: who has an address, and in a forwarding table where that is. */
import { attribute, readU16, readU32 } from "./attributes.ts";
import { ACKNOWLEDGED, type Later, RTM } from "./link.ts";
import {
  decodeAttributes,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F,
  netlinkMessage,
  netlinkRequest,
  viewOf,
} from "./message.ts";

export const NDA = { DST: 1, LLADDR: 2, VLAN: 5, PORT: 6, VNI: 7, IFINDEX: 8, MASTER: 9 } as const;
/** What is known of a neighbour, as bits of which one is set. */
export const NUD = {
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NOARP: 0x40,
  PERMANENT: 0x80,
} as const;
export const NTF = { SELF: 0x02, MASTER: 0x04, PROXY: 0x08, EXT_LEARNED: 0x10, ROUTER: 0x80 } as const;

/** struct ndmsg: u8 family, three bytes, s32 index, u16 state, u8 flags, u8 type */
const NDMSG = 12;
const INDEX_AT = 4;

/** A neighbour, or with the family AF_BRIDGE an entry of the forwarding table of a bridge or a VXLAN. */
export interface Neighbour {
  readonly index: number;
  /** AF_INET, AF_INET6, AF_BRIDGE */
  readonly family: number;
  /** NUD_* */
  readonly state: number;
  /** NTF_* */
  readonly flags: number;
  /** The address; of a VXLAN's table the other end of the tunnel. */
  readonly address: Uint8Array | undefined;
  readonly mac: Uint8Array | undefined;
  readonly vlan: number | undefined;
  readonly vni: number | undefined;
}

type Given<V> = Pick<Neighbour, "family" | "state"> &
  Partial<Omit<Neighbour, "index" | "family" | "state">> & { readonly index: Later<V> };

/** Asks for all neighbours, or with AF_BRIDGE for all entries of forwarding tables. */
export function getNeighbours(family = 0): Uint8Array {
  const fixed = new Uint8Array(NDMSG);
  fixed[0] = family;
  return netlinkMessage({ type: RTM.GETNEIGH, flags: NLM_F.REQUEST | NLM_F.DUMP }, fixed);
}

export function decodeNeighbour({ type, payload }: NetlinkMessage): Neighbour | undefined {
  if (type !== RTM.NEWNEIGH || payload.length < NDMSG) return undefined;
  const view = viewOf(payload);
  const attributes = decodeAttributes(payload, NDMSG);
  return {
    family: view.getUint8(0),
    index: view.getInt32(INDEX_AT, true),
    state: view.getUint16(8, true),
    flags: view.getUint8(10),
    address: attributes.get(NDA.DST),
    mac: attributes.get(NDA.LLADDR),
    vlan: readU16(attributes.get(NDA.VLAN)),
    vni: readU32(attributes.get(NDA.VNI)),
  };
}

function neighbourMessage<V>(type: number, more: number, one: Given<V>): NetlinkRequest<V> {
  const fixed = new Uint8Array(NDMSG);
  const view = viewOf(fixed);
  fixed[0] = one.family;
  if (typeof one.index === "number") view.setInt32(INDEX_AT, one.index, true);
  view.setUint16(8, one.state, true);
  fixed[10] = one.flags ?? 0;
  const attributes = [
    ...(one.address ? [attribute.bytes(NDA.DST, one.address)] : []),
    ...(one.mac ? [attribute.bytes(NDA.LLADDR, one.mac)] : []),
    ...(one.vlan === undefined ? [] : [attribute.u16(NDA.VLAN, one.vlan)]),
    ...(one.vni === undefined ? [] : [attribute.u32(NDA.VNI, one.vni)]),
  ];
  const fills = typeof one.index === "number" ? [] : [{ at: INDEX_AT, value: one.index.later }];
  return netlinkRequest<V>({ type, flags: ACKNOWLEDGED | more }, fixed, attributes, fills);
}

/** Makes it known, in place of what was known of the same one. */
export const addNeighbour = <V = never>(one: Given<V>): NetlinkRequest<V> =>
  neighbourMessage(RTM.NEWNEIGH, NLM_F.CREATE | NLM_F.REPLACE, one);

export const deleteNeighbour = <V = never>(one: Given<V>): NetlinkRequest<V> => neighbourMessage(RTM.DELNEIGH, 0, one);
