/** Addresses of interfaces in the terms of rtnetlink(7) and linux/if_addr.h. */
import { u32s } from "../struct.ts";
import { attribute, readU32 } from "./attributes.ts";
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

export const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, BROADCAST: 4, FLAGS: 8, RT_PRIORITY: 9 } as const;
export const IFA_F = { NODAD: 0x02, HOMEADDRESS: 0x10, PERMANENT: 0x80, NOPREFIXROUTE: 0x200 } as const;
/** An address that is valid everywhere, which is what others call global; on its link alone; on its host alone. */
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;

/** struct ifaddrmsg: u8 family, prefix, flags, scope, u32 index */
const IFADDRMSG = 8;
const INDEX_AT = 4;

/** An address of an interface. `local` is its own one where there is a peer's, too: then `address` is that. */
export interface LinkAddress {
  readonly index: number;
  /** AF_INET, AF_INET6 */
  readonly family: number;
  readonly prefixLength: number;
  readonly scope: number;
  /** IFA_F_* */
  readonly flags: number;
  readonly address: Uint8Array | undefined;
  readonly local: Uint8Array | undefined;
  readonly broadcast: Uint8Array | undefined;
  /** The metric of the route to its network. */
  readonly priority: number | undefined;
}

/** Asks for all addresses of all interfaces. */
export const getAddresses = (): Uint8Array =>
  netlinkMessage({ type: RTM.GETADDR, flags: NLM_F.REQUEST | NLM_F.DUMP }, new Uint8Array(IFADDRMSG));

export function decodeAddress({ type, payload }: NetlinkMessage): LinkAddress | undefined {
  if (type !== RTM.NEWADDR || payload.length < IFADDRMSG) return undefined;
  const view = viewOf(payload);
  const attributes = decodeAttributes(payload, IFADDRMSG);
  return {
    family: view.getUint8(0),
    prefixLength: view.getUint8(1),
    // Eight bits of them have a place of their own, all have one in the attribute.
    flags: readU32(attributes.get(IFA.FLAGS)) ?? view.getUint8(2),
    scope: view.getUint8(3),
    index: view.getUint32(INDEX_AT, true),
    address: attributes.get(IFA.ADDRESS),
    local: attributes.get(IFA.LOCAL),
    broadcast: attributes.get(IFA.BROADCAST),
    priority: readU32(attributes.get(IFA.RT_PRIORITY)),
  };
}

type Given<V> = Omit<LinkAddress, "index"> & { readonly index: Later<V> };

function addressMessage<V>(type: number, flags: number, one: Given<V>): NetlinkRequest<V> {
  const fixed = Uint8Array.of(one.family, one.prefixLength, one.flags & 0xff, one.scope, 0, 0, 0, 0);
  const known = typeof one.index === "number";
  if (typeof one.index === "number") viewOf(fixed).setUint32(INDEX_AT, one.index, true);
  const optional = (kind: number, payload: Uint8Array | undefined) => (payload ? [attribute.bytes(kind, payload)] : []);
  const attributes = [
    ...optional(IFA.LOCAL, one.local),
    ...optional(IFA.ADDRESS, one.address),
    ...optional(IFA.BROADCAST, one.broadcast),
    ...optional(IFA.FLAGS, u32s(one.flags)),
    ...optional(IFA.RT_PRIORITY, one.priority === undefined ? undefined : u32s(one.priority)),
  ];
  const fills = known || typeof one.index === "number" ? [] : [{ at: INDEX_AT, value: one.index.later }];
  return netlinkRequest<V>({ type, flags }, fixed, attributes, fills);
}

/** Gives an interface an address that it has not. */
export const addAddress = <V = never>(one: Given<V>): NetlinkRequest<V> =>
  addressMessage(RTM.NEWADDR, ACKNOWLEDGED | NLM_F.CREATE | NLM_F.EXCL, one);

export const deleteAddress = <V = never>(one: Given<V>): NetlinkRequest<V> =>
  addressMessage(RTM.DELADDR, ACKNOWLEDGED, one);
