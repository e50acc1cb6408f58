/** Interfaces in the terms of rtnetlink(7) and linux/if_link.h. */
import { u32s } from "../struct.ts";
import { attribute, decodeText, readS32, readText, readU32 } from "./attributes.ts";
import {
  decodeAttributeList,
  decodeAttributes,
  type NetlinkAttribute,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F,
  netlinkRequest,
  viewOf,
} from "./message.ts";

export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWNEIGH: 28,
  DELNEIGH: 29,
  GETNEIGH: 30,
  NEWQDISC: 36,
  DELQDISC: 37,
  GETQDISC: 38,
  DELLINKPROP: 109,
} as const;
export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  TXQLEN: 13,
  LINKINFO: 18,
  NET_NS_PID: 19,
  IFALIAS: 20,
  STATS64: 23,
  AF_SPEC: 26,
  NET_NS_FD: 28,
  NUM_TX_QUEUES: 31,
  NUM_RX_QUEUES: 32,
  LINK_NETNSID: 37,
  PROP_LIST: 52,
  ALT_IFNAME: 53,
  PERM_ADDRESS: 54,
} as const;
export const IFLA_INFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4, SLAVE_DATA: 5 } as const;
export const IFF_UP = 1;
/** With the NUL byte. */
export const IFNAMSIZ = 16;
/** The loopback's index in every network namespace (LOOPBACK_IFINDEX of include/net/flow.h). */
export const LOOPBACK_INDEX = 1;

/** struct ifinfomsg: u8 family, u8, u16 type, s32 index, u32 flags, u32 change */
export const IFINFOMSG = 16;
const INDEX_AT = 4;

export const ACKNOWLEDGED = NLM_F.REQUEST | NLM_F.ACK;

/** A number that is known, or what stands for one that is known when the message is sent. */
export type Later<V> = number | { readonly later: V };

/** What can be said of an interface. What is absent stays as it is, or is the kernel's choice. */
export interface LinkSettings<V = never> {
  readonly index?: Later<V>;
  readonly name?: string;
  readonly mac?: Uint8Array;
  readonly mtu?: number;
  readonly txQueueLength?: number;
  /** The interface that it belongs to; 0: none. */
  readonly master?: Later<V>;
  /** The interface below. */
  readonly link?: Later<V>;
  /** The network namespace that it goes to, or is made in: a descriptor. */
  readonly namespace?: Later<V>;
  readonly up?: boolean;
  readonly kind?: string;
  /** IFLA_INFO_DATA of the kind. */
  readonly data?: readonly NetlinkAttribute<V>[];
  /** IFLA_INFO_SLAVE_DATA of the master's kind. */
  readonly slave?: { readonly kind: string; readonly data: readonly NetlinkAttribute<V>[] };
  /** Any others. */
  readonly attributes?: readonly NetlinkAttribute<V>[];
}

export const laterU32 = <V>(type: number, value: Later<V>): NetlinkAttribute<V> =>
  typeof value === "number" ? attribute.u32(type, value) : { type, later: value.later };

const given = <V, T>(value: T | undefined, make: (value: T) => NetlinkAttribute<V>): readonly NetlinkAttribute<V>[] =>
  value === undefined ? [] : [make(value)];

/** The attributes of a link message, without those of its kind. */
function linkAttributes<V>(link: LinkSettings<V>): readonly NetlinkAttribute<V>[] {
  return [
    ...given<V, Later<V>>(link.namespace, (value) => laterU32(IFLA.NET_NS_FD, value)),
    ...given<V, string>(link.name, (value) => attribute.text(IFLA.IFNAME, value)),
    ...given<V, Uint8Array>(link.mac, (value) => attribute.bytes(IFLA.ADDRESS, value)),
    ...given<V, number>(link.mtu, (value) => attribute.u32(IFLA.MTU, value)),
    ...given<V, number>(link.txQueueLength, (value) => attribute.u32(IFLA.TXQLEN, value)),
    ...given<V, Later<V>>(link.link, (value) => laterU32(IFLA.LINK, value)),
    ...given<V, Later<V>>(link.master, (value) => laterU32(IFLA.MASTER, value)),
    ...(link.attributes ?? []),
    ...linkInfo(link),
  ];
}

function linkInfo<V>({ kind, data, slave }: LinkSettings<V>): readonly NetlinkAttribute<V>[] {
  if (kind === undefined && slave === undefined) return [];
  return [
    attribute.nested<V>(IFLA.LINKINFO, [
      ...given<V, string>(kind, (value) => attribute.text(IFLA_INFO.KIND, value)),
      ...(data && data.length > 0 ? [attribute.nested<V>(IFLA_INFO.DATA, data)] : []),
      ...(slave
        ? [attribute.text(IFLA_INFO.SLAVE_KIND, slave.kind), attribute.nested<V>(IFLA_INFO.SLAVE_DATA, slave.data)]
        : []),
    ]),
  ];
}

/** struct ifinfomsg of it; `up` sets or takes IFF_UP. */
function ifinfomsg<V>({ index = 0, up }: LinkSettings<V>): Uint8Array {
  const flags = up === undefined ? [0, 0] : [up ? IFF_UP : 0, IFF_UP];
  return u32s(0, typeof index === "number" ? index : 0, ...flags);
}

function linkMessage<V>(type: number, flags: number, link: LinkSettings<V>): NetlinkRequest<V> {
  const { index = 0 } = link;
  const fills = typeof index === "number" ? [] : [{ at: INDEX_AT, value: index.later }];
  return netlinkRequest<V>({ type, flags }, ifinfomsg(link), linkAttributes(link), fills);
}

/** Makes an interface that is not there. */
export const createLink = <V = never>(link: LinkSettings<V>): NetlinkRequest<V> =>
  linkMessage(RTM.NEWLINK, ACKNOWLEDGED | NLM_F.CREATE | NLM_F.EXCL, link);

/** Changes an interface: its name, its namespace, whether it is up. */
export const changeLink = <V = never>(link: LinkSettings<V>): NetlinkRequest<V> =>
  linkMessage(RTM.NEWLINK, ACKNOWLEDGED, link);

export const deleteLink = <V = never>(link: Pick<LinkSettings<V>, "index" | "name">): NetlinkRequest<V> =>
  linkMessage(RTM.DELLINK, ACKNOWLEDGED, link);

/** Takes further names of an interface away. */
export const removeAltNames = <V = never>(index: Later<V>, names: readonly string[]): NetlinkRequest<V> =>
  linkMessage(RTM.DELLINKPROP, ACKNOWLEDGED, {
    index,
    attributes: [
      attribute.nested<V>(
        IFLA.PROP_LIST,
        names.map((name) => attribute.text(IFLA.ALT_IFNAME, name)),
      ),
    ],
  });

/** Asks for one interface. */
export const getLink = (name: string): Uint8Array => linkMessage(RTM.GETLINK, NLM_F.REQUEST, { name }).message;

/** Asks for all interfaces. */
export const getLinks = (): Uint8Array => linkMessage(RTM.GETLINK, NLM_F.REQUEST | NLM_F.DUMP, {}).message;

/** struct ifinfomsg and the attributes of an interface that is described within another one's message, such as the peer of a veth. */
export const innerLink = <V>(type: number, link: LinkSettings<V>): NetlinkAttribute<V> => {
  if (typeof link.index === "object") throw new RangeError("the index of an inner link is chosen or not at all");
  return { type: type | 0x8000, head: ifinfomsg(link), nested: linkAttributes(link) };
};

export interface LinkInfo {
  readonly index: number;
  readonly name: string;
  readonly flags: number;
  readonly mtu: number | undefined;
  readonly mac: Uint8Array | undefined;
  readonly txQueueLength: number | undefined;
  readonly master: number | undefined;
  /** The index of the interface below, or of a veth's peer, which may be in another namespace. */
  readonly link: number | undefined;
  /** What this network namespace calls the one where that is; undefined: it is here. */
  readonly linkNamespace: number | undefined;
  readonly kind: string | undefined;
  /** Of the hardware, whatever it was changed to. */
  readonly permanentMac: Uint8Array | undefined;
  readonly altNames: readonly string[];
  readonly data: ReadonlyMap<number, Uint8Array>;
}

export function decodeLink({ type, payload }: NetlinkMessage): LinkInfo | undefined {
  if (type !== RTM.NEWLINK || payload.length < IFINFOMSG) return undefined;
  const view = viewOf(payload);
  const attributes = decodeAttributes(payload, IFINFOMSG);
  const name = attributes.get(IFLA.IFNAME);
  const info = decodeAttributes(attributes.get(IFLA.LINKINFO) ?? new Uint8Array(0));
  return {
    index: view.getInt32(INDEX_AT, true),
    flags: view.getUint32(8, true),
    name: name ? decodeText(name) : "",
    mtu: readU32(attributes.get(IFLA.MTU)),
    mac: attributes.get(IFLA.ADDRESS),
    txQueueLength: readU32(attributes.get(IFLA.TXQLEN)),
    master: readU32(attributes.get(IFLA.MASTER)),
    link: readU32(attributes.get(IFLA.LINK)),
    linkNamespace: readS32(attributes.get(IFLA.LINK_NETNSID)),
    kind: readText(info.get(IFLA_INFO.KIND)),
    permanentMac: attributes.get(IFLA.PERM_ADDRESS),
    altNames: decodeAttributeList(attributes.get(IFLA.PROP_LIST) ?? new Uint8Array(0)).flatMap((one) =>
      one.type === IFLA.ALT_IFNAME ? decodeText(one.payload) : [],
    ),
    data: decodeAttributes(info.get(IFLA_INFO.DATA) ?? new Uint8Array(0)),
  };
}
