/** Routes in the terms of rtnetlink(7) and linux/rtnetlink.h. */
import { attribute, readU32 } from "./attributes.ts";
import { ACKNOWLEDGED, type Later, laterU32, RTM } from "./link.ts";
import {
  decodeAttributes,
  type NetlinkAttribute,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F,
  netlinkMessage,
  netlinkRequest,
  viewOf,
} from "./message.ts";

export const RTA = {
  DST: 1,
  SRC: 2,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  METRICS: 8,
  MULTIPATH: 9,
  TABLE: 15,
  VIA: 18,
} as const;
export const RTAX = { MTU: 2 } as const;
export const RT_TABLE_MAIN = 254;
/** Who made a route, for whoever looks at it: an administrator, not the kernel or a routing daemon. */
export const RTPROT_STATIC = 4;
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;
export const RTN = { UNICAST: 1, LOCAL: 2, BROADCAST: 3, BLACKHOLE: 6, UNREACHABLE: 7, PROHIBIT: 8 } as const;
/** The next hop is on the link although no address says so. */
export const RTNH_F_ONLINK = 4;

/** struct rtmsg: u8 family, destination prefix, source prefix, tos, table, protocol, scope, type, u32 flags */
const RTMSG = 12;
/** struct rtnexthop: u16 length, u8 flags, hops, s32 index */
const RTNEXTHOP = 8;

export interface NextHop<V = never> {
  readonly via?: Uint8Array;
  readonly index?: Later<V>;
  /** 1 to 256; default 1 */
  readonly weight?: number;
  readonly onlink?: boolean;
}

export interface Route<V = never> extends Pick<NextHop<V>, "via" | "index" | "onlink"> {
  readonly family: number;
  /** The destination; without it, all. */
  readonly to?: Uint8Array;
  readonly prefixLength: number;
  /** The source address that the kernel takes for what it sends itself. */
  readonly from?: Uint8Array;
  readonly metric?: number;
  readonly mtu?: number;
  readonly table?: number;
  readonly scope: number;
  /** RTPROT_*; default: static */
  readonly protocol?: number;
  /** RTN_*; default: unicast */
  readonly type?: number;
  /** In place of `via` and `index`. */
  readonly nexthops?: readonly NextHop<V>[];
}

interface Multipath<V> {
  readonly bytes: Uint8Array;
  readonly fills: readonly { readonly at: number; readonly value: V }[];
}

/** Next hops lie one after the other, each with its attributes (rtnetlink(7), RTA_MULTIPATH). */
function multipath<V>(hops: readonly NextHop<V>[]): Multipath<V> {
  const fills: { readonly at: number; readonly value: V }[] = [];
  const parts: number[] = [];
  for (const { via, index = 0, weight = 1, onlink } of hops) {
    const gateway = via ? [...u16(4 + via.length), ...u16(RTA.GATEWAY), ...via] : [];
    if (typeof index === "object") fills.push({ at: parts.length + 4, value: index.later });
    const known = typeof index === "number" ? index : 0;
    const head = [...u16(RTNEXTHOP + gateway.length), onlink ? RTNH_F_ONLINK : 0, weight - 1];
    parts.push(...head, ...u16(known & 0xffff), ...u16(known >>> 16), ...gateway);
  }
  return { bytes: Uint8Array.from(parts), fills };
}

const u16 = (value: number): readonly number[] => [value & 0xff, (value >> 8) & 0xff];

function routeMessage<V>(type: number, flags: number, route: Route<V>): NetlinkRequest<V> {
  const { table = RT_TABLE_MAIN, to, via, from, metric, mtu, index } = route;
  const fixed = new Uint8Array(RTMSG);
  const { protocol = RTPROT_STATIC, type: kind = RTN.UNICAST } = route;
  fixed.set([route.family, route.prefixLength, 0, 0, table < 256 ? table : 0, protocol, route.scope, kind]);
  viewOf(fixed).setUint32(8, route.onlink ? RTNH_F_ONLINK : 0, true);
  const attributes: NetlinkAttribute<V>[] = [
    ...(to ? [attribute.bytes(RTA.DST, to)] : []),
    ...(via ? [attribute.bytes(RTA.GATEWAY, via)] : []),
    ...(index === undefined ? [] : [laterU32(RTA.OIF, index)]),
    ...(from ? [attribute.bytes(RTA.PREFSRC, from)] : []),
    ...(metric === undefined ? [] : [attribute.u32(RTA.PRIORITY, metric)]),
    ...(table < 256 ? [] : [attribute.u32(RTA.TABLE, table)]),
    ...(mtu === undefined ? [] : [attribute.nested<V>(RTA.METRICS, [attribute.u32(RTAX.MTU, mtu)])]),
  ];
  if (!route.nexthops) return netlinkRequest<V>({ type, flags }, fixed, attributes);
  const hops = multipath(route.nexthops);
  // It comes last, so its place is known from the end.
  const { message, fills } = netlinkRequest<V>({ type, flags }, fixed, [
    ...attributes,
    attribute.bytes(RTA.MULTIPATH, hops.bytes),
  ]);
  const start = message.length - hops.bytes.length;
  return { message, fills: [...fills, ...hops.fills.map(({ at, value }) => ({ at: start + at, value }))] };
}

/** Makes a route that is not there. */
export const addRoute = <V = never>(route: Route<V>): NetlinkRequest<V> =>
  routeMessage(RTM.NEWROUTE, ACKNOWLEDGED | NLM_F.CREATE | NLM_F.EXCL, route);

export const deleteRoute = <V = never>(route: Route<V>): NetlinkRequest<V> =>
  routeMessage(RTM.DELROUTE, ACKNOWLEDGED, route);

/** Asks for all routes of a family; 0: of all. */
export const getRoutes = (family = 0): Uint8Array =>
  netlinkMessage(
    { type: RTM.GETROUTE, flags: NLM_F.REQUEST | NLM_F.DUMP },
    Uint8Array.of(family, ...new Uint8Array(RTMSG - 1)),
  );

export interface RouteInfo extends Omit<Route, "index" | "nexthops"> {
  readonly index: number | undefined;
  readonly nexthops: readonly (Omit<NextHop, "index"> & { readonly index: number })[];
}

export function decodeRoute({ type, payload }: NetlinkMessage): RouteInfo | undefined {
  if (type !== RTM.NEWROUTE || payload.length < RTMSG) return undefined;
  const view = viewOf(payload);
  const attributes = decodeAttributes(payload, RTMSG);
  const bytes = (name: "to" | "via" | "from", kind: number) => {
    const value = attributes.get(kind);
    return value ? { [name]: value } : {};
  };
  const metric = readU32(attributes.get(RTA.PRIORITY));
  const mtu = readU32(decodeAttributes(attributes.get(RTA.METRICS) ?? new Uint8Array(0)).get(RTAX.MTU));
  return {
    family: view.getUint8(0),
    prefixLength: view.getUint8(1),
    ...bytes("to", RTA.DST),
    ...bytes("via", RTA.GATEWAY),
    ...bytes("from", RTA.PREFSRC),
    ...(metric === undefined ? {} : { metric }),
    ...(mtu === undefined ? {} : { mtu }),
    table: readU32(attributes.get(RTA.TABLE)) ?? view.getUint8(4),
    protocol: view.getUint8(5),
    scope: view.getUint8(6),
    type: view.getUint8(7),
    onlink: (view.getUint32(8, true) & RTNH_F_ONLINK) !== 0,
    index: readU32(attributes.get(RTA.OIF)),
    nexthops: decodeMultipath(attributes.get(RTA.MULTIPATH) ?? new Uint8Array(0)),
  };
}

function decodeMultipath(bytes: Uint8Array): RouteInfo["nexthops"] {
  const view = viewOf(bytes);
  const hops: RouteInfo["nexthops"][number][] = [];
  for (let at = 0; at + RTNEXTHOP <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < RTNEXTHOP || at + length > bytes.length) break;
    const via = decodeAttributes(bytes.subarray(at, at + length), RTNEXTHOP).get(RTA.GATEWAY);
    hops.push({
      ...(via ? { via } : {}),
      index: view.getInt32(at + 4, true),
      weight: view.getUint8(at + 3) + 1,
      onlink: (view.getUint8(at + 2) & RTNH_F_ONLINK) !== 0,
    });
    at += (length + 3) & ~3;
  }
  return hops;
}
