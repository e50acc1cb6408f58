/**
 * libct's rules: one table, whose chains never change. What differs from network to network and from port to port is in sets and maps, so that to publish a port
 * is to add one element, however many there are, and nothing is looked for one after the other.
 */
import {
  type Change,
  CT_STATE,
  type Datatype,
  datatypeLength,
  datatypeNumber,
  type Expression,
  encodeBatch,
  IPS_DST_NAT,
  NF,
  NF_INET,
  NF_IP_PRI,
  NFPROTO,
  NFT_CMP,
  NFT_CT,
  NFT_FIB,
  NFT_LOOKUP_F_INV,
  NFT_META,
  NFT_NAT,
  NFT_PAYLOAD,
  NFT_REG,
  NFT_SET,
  NFTA_FIB_F,
  RTN_LOCAL,
  wordRegister,
} from "../../linux/nftables/index.ts";

/** Nobody else's: rules of others are never touched, and others have no reason to touch these. */
export const TABLE = "libct";
export const FAMILY = NFPROTO.INET;

export interface SetShape {
  readonly key: readonly Datatype[];
  readonly data?: readonly Datatype[];
  readonly interval?: true;
}

export const SETS = {
  /** The bridges of networks. */
  bridges: { key: ["ifname"] },
  /** A bridge and itself: what stays in its network. */
  same: { key: ["ifname", "ifname"] },
  /** Bridges of networks that nothing leaves or enters. */
  internal: { key: ["ifname"] },
  /** Bridges of networks whose containers others may reach by their addresses. */
  routed: { key: ["ifname"] },
  /** What networks have of the addresses, and those which the outside does not know. */
  subnets4: { key: ["ipv4_addr"], interval: true },
  subnets6: { key: ["ipv6_addr"], interval: true },
  hidden4: { key: ["ipv4_addr"], interval: true },
  hidden6: { key: ["ipv6_addr"], interval: true },
  /** Published on every address of the host's, and on one alone. */
  ports4: { key: ["inet_proto", "inet_service"], data: ["ipv4_addr", "inet_service"] },
  ports6: { key: ["inet_proto", "inet_service"], data: ["ipv6_addr", "inet_service"] },
  at4: { key: ["ipv4_addr", "inet_proto", "inet_service"], data: ["ipv4_addr", "inet_service"] },
  at6: { key: ["ipv6_addr", "inet_proto", "inet_service"], data: ["ipv6_addr", "inet_service"] },
} as const satisfies Readonly<Record<string, SetShape>>;

export type SetName = keyof typeof SETS;

/** `nft` cannot print an interface's name without it (nftables, NFTNL_UDATA_SET_KEYBYTEORDER: 1 the machine's, 2 the network's). */
const byteOrder = (key: readonly Datatype[]) =>
  Uint8Array.of(0, 4, key.length > 1 ? 0 : key[0] === "ifname" ? 1 : 2, 0, 0, 0);

function setChange(name: string, { key, data, interval }: SetShape, id: number): Change {
  return {
    verb: "add",
    kind: "set",
    family: FAMILY,
    table: TABLE,
    name,
    flags: (data ? NFT_SET.MAP : 0) | (interval ? NFT_SET.INTERVAL : 0),
    keyType: datatypeNumber(key),
    keyLength: datatypeLength(key),
    ...(data ? { dataType: datatypeNumber(data), dataLength: datatypeLength(data) } : {}),
    id,
    userdata: byteOrder(key),
  };
}

const { R1, R2 } = NFT_REG;
const meta = (key: number, dreg: number = R1): Expression => ({ expr: "meta", key, dreg });
const equals = (...value: readonly number[]): Expression => ({
  expr: "cmp",
  sreg: R1,
  op: NFT_CMP.EQ,
  data: { value: Uint8Array.of(...value) },
});
const network = (offset: number, len: number, dreg: number = R1): Expression => ({
  expr: "payload",
  base: NFT_PAYLOAD.NETWORK,
  offset,
  len,
  dreg,
});
const within = (set: SetName): Expression => ({ expr: "lookup", set, sreg: R1 });
const outside = (set: SetName): Expression => ({ expr: "lookup", set, sreg: R1, flags: NFT_LOOKUP_F_INV });
const verdict = (code: number, chain?: string): Expression => ({
  expr: "immediate",
  dreg: NFT_REG.VERDICT,
  data: { verdict: { code, ...(chain === undefined ? {} : { chain }) } },
});
const from = (set: SetName) => [meta(NFT_META.IIFNAME), within(set)];
const to = (set: SetName) => [meta(NFT_META.OIFNAME), within(set)];

/** A u32 in the machine's byte order, as the kernel has states and masks in registers. */
const native = (value: number) => Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);
const anyOf = (key: number, mask: number): readonly Expression[] => [
  { expr: "ct", key, dreg: R1 },
  { expr: "bitwise", sreg: R1, dreg: R1, len: 4, mask: { value: native(mask) }, xor: { value: native(0) } },
  { expr: "cmp", sreg: R1, op: NFT_CMP.NEQ, data: { value: native(0) } },
];

/** Where an IP header has its addresses. */
const IP = {
  4: { family: NFPROTO.IPV4, source: 12, destination: 16, length: 4 },
  6: { family: NFPROTO.IPV6, source: 8, destination: 24, length: 16 },
} as const;
type Version = keyof typeof IP;
const isIp = (version: Version) => [meta(NFT_META.NFPROTO), equals(IP[version].family)];
const source = (version: Version) => network(IP[version].source, IP[version].length);

/** Protocol and port, the key of a map, from the given word of the registers on. */
const portAt = (word: number): readonly Expression[] => [
  meta(NFT_META.L4PROTO, wordRegister(word)),
  { expr: "payload", base: NFT_PAYLOAD.TRANSPORT, offset: 2, len: 2, dreg: wordRegister(word + 1) },
];

/** What is published is sent on to where the map says. */
const sendOn = (version: Version, map: SetName): readonly Expression[] => [
  { expr: "lookup", set: map, sreg: R1, dreg: R1 },
  {
    expr: "nat",
    type: NFT_NAT.DNAT,
    family: IP[version].family,
    addrMin: R1,
    protoMin: wordRegister(IP[version].length / 4),
  },
];
const publish = (version: Version): readonly (readonly Expression[])[] => {
  const { destination, length } = IP[version];
  return [
    [...isIp(version), network(destination, length), ...portAt(length / 4), ...sendOn(version, `at${version}`)],
    [...isIp(version), ...portAt(0), ...sendOn(version, `ports${version}`)],
  ];
};

const LOOPBACK_NET = 127;
const MASQUERADE: Expression = { expr: "masq" };
const masquerade = (version: Version): readonly (readonly Expression[])[] => [
  [
    ...isIp(version),
    source(version),
    within(`hidden${version}`),
    meta(NFT_META.OIFNAME),
    outside("bridges"),
    MASQUERADE,
  ],
  // A container that reaches one of its own network by the host's address: the answer must come back through the host.
  [
    ...anyOf(NFT_CT.STATUS, IPS_DST_NAT),
    ...isIp(version),
    source(version),
    within(`subnets${version}`),
    ...to("bridges"),
    MASQUERADE,
  ],
];

const localAddress: readonly Expression[] = [
  { expr: "fib", dreg: R1, result: NFT_FIB.ADDRTYPE, flags: NFTA_FIB_F.DADDR },
  { expr: "cmp", sreg: R1, op: NFT_CMP.EQ, data: { value: native(RTN_LOCAL) } },
  verdict(NF.JUMP, "publish"),
];

const forLoopback: readonly Expression[] = [...isIp(4), network(IP[4].destination, 1), equals(LOOPBACK_NET)];

/** Sixteen bytes that begin with these. */
const padded = (...first: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(IP[6].length);
  bytes.set(first);
  return bytes;
};

/** fe80::/10 */
const fromLinkLocal: readonly Expression[] = [
  ...isIp(6),
  source(6),
  {
    expr: "bitwise",
    sreg: R1,
    dreg: R1,
    len: IP[6].length,
    mask: { value: padded(0xff, 0xc0) },
    xor: { value: padded() },
  },
  equals(...padded(0xfe, 0x80)),
];

/** The interface by which the host would answer. */
const ROUTE_BACK: Expression = { expr: "fib", dreg: R1, result: NFT_FIB.OIFNAME, flags: NFTA_FIB_F.SADDR };

const RULES: Readonly<Record<string, readonly (readonly Expression[])[]>> = {
  publish: [...publish(4), ...publish(6)],
  // What comes in for 127.0.0.1 was sent by a neighbour: chains see it before the kernel throws it away. The host's own goes through "output" alone.
  prerouting: [[...forLoopback, verdict(NF.RETURN)], localAddress],
  output: [localAddress],
  postrouting: [
    ...masquerade(4),
    ...masquerade(6),
    // From the host by 127.0.0.1: the container would look for that at itself.
    [...isIp(4), network(IP[4].source, 1), equals(LOOPBACK_NET), ...to("bridges"), MASQUERADE],
  ],
  forward: [
    [meta(NFT_META.IIFNAME), meta(NFT_META.OIFNAME, R2), within("same"), verdict(NF.ACCEPT)],
    [...from("internal"), verdict(NF.DROP)],
    [...to("internal"), verdict(NF.DROP)],
    [...anyOf(NFT_CT.STATE, CT_STATE.ESTABLISHED | CT_STATE.RELATED), verdict(NF.ACCEPT)],
    [...anyOf(NFT_CT.STATUS, IPS_DST_NAT), verdict(NF.ACCEPT)],
    [...from("bridges"), ...to("bridges"), verdict(NF.DROP)],
    [...to("routed"), verdict(NF.ACCEPT)],
    [...to("bridges"), verdict(NF.DROP)],
  ],
  raw: [
    // route_localnet lets packets for 127.0.0.0/8 in by the bridge, which are nobody's business there (ip-sysctl, route_localnet).
    [...from("bridges"), ...forLoopback, verdict(NF.DROP)],
    // Neighbour discovery has sources that no route leads to.
    [...from("bridges"), ...fromLinkLocal, verdict(NF.ACCEPT)],
    [...from("bridges"), ...isIp(6), source(6), equals(...padded()), verdict(NF.ACCEPT)],
    // A container speaks for nobody but those to whom the host sends by a bridge.
    [...from("bridges"), ROUTE_BACK, outside("bridges"), verdict(NF.DROP)],
  ],
};

const HOOKS: Readonly<
  Record<string, { readonly type: "nat" | "filter"; readonly hooknum: number; readonly priority: number }>
> = {
  prerouting: { type: "nat", hooknum: NF_INET.PRE_ROUTING, priority: NF_IP_PRI.NAT_DST },
  output: { type: "nat", hooknum: NF_INET.LOCAL_OUT, priority: NF_IP_PRI.NAT_DST },
  postrouting: { type: "nat", hooknum: NF_INET.POST_ROUTING, priority: NF_IP_PRI.NAT_SRC },
  forward: { type: "filter", hooknum: NF_INET.FORWARD, priority: NF_IP_PRI.FILTER },
  raw: { type: "filter", hooknum: NF_INET.PRE_ROUTING, priority: NF_IP_PRI.RAW },
};

function chainChange(name: string): Change {
  const place = HOOKS[name];
  const base: Change = { verb: "add", kind: "chain", family: FAMILY, table: TABLE, name };
  if (!place) return base;
  const { type, hooknum, priority } = place;
  return { ...base, type, hook: { hooknum, priority }, policy: NF.ACCEPT };
}

/** Makes the table with all that is in it; EEXIST when somebody has made it already, and then nothing is changed. */
export function tableChanges(): readonly Change[] {
  const sets = Object.entries(SETS).map(([name, shape], index) => setChange(name, shape, index + 1));
  const rules = Object.entries(RULES).flatMap(([chain, list]) =>
    list.map((one): Change => ({ verb: "add", kind: "rule", family: FAMILY, table: TABLE, chain, expressions: one })),
  );
  return [
    { verb: "create", kind: "table", family: FAMILY, name: TABLE },
    ...sets,
    ...Object.keys(RULES).map(chainChange),
    ...rules,
  ];
}

let batch: Uint8Array | undefined;
export function tableBatch(): Uint8Array {
  batch ??= encodeBatch(tableChanges());
  return batch;
}
