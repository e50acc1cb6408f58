/** Interfaces and their addresses in the terms of rtnetlink(7). */
import {
  decodeAttributes,
  decodeText,
  type NetlinkAttribute,
  type NetlinkMessage,
  NLA_HEADER,
  NLM_F,
  NLMSG_HEADER,
  netlinkMessage,
  netlinkText,
  viewOf,
} from "./netlink.ts";
import { u32s } from "./struct.ts";

export const RTM = { NEWLINK: 16, DELLINK: 17, GETLINK: 18, NEWADDR: 20, DELADDR: 21, GETADDR: 22 } as const;
export const IFLA = { ADDRESS: 1, IFNAME: 3, MTU: 4, NET_NS_PID: 19, NET_NS_FD: 28 } as const;
export const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, BROADCAST: 4, FLAGS: 8, RT_PRIORITY: 9 } as const;
export const IFA_F = { NODAD: 0x02, HOMEADDRESS: 0x10, PERMANENT: 0x80, NOPREFIXROUTE: 0x200 } as const;
export const IFF_UP = 1;
/** An address that is valid everywhere, which is what others call global. */
export const RT_SCOPE_UNIVERSE = 0;
/** With the NUL byte. */
export const IFNAMSIZ = 16;

/** struct ifinfomsg: u8 family, u8, u16 type, s32 index, u32 flags, u32 change; struct ifaddrmsg: u8 family, prefix, flags, scope, u32 index */
const IFINFOMSG = 16;
const IFADDRMSG = 8;
/** Where the interface's index is in a message about a link, and about an address: for who knows it only when it is sent. */
export const LINK_INDEX = NLMSG_HEADER + 4;
export const ADDRESS_INDEX = NLMSG_HEADER + 4;
/** Where the payload of a link message's first attribute is. */
export const LINK_FIRST_ATTRIBUTE = NLMSG_HEADER + IFINFOMSG + NLA_HEADER;

const ACKNOWLEDGED = NLM_F.REQUEST | NLM_F.ACK;

export interface LinkChange {
  /** 0: the one of the attribute IFLA_IFNAME */
  readonly index?: number;
  /** IFF_*, of which those in `change` are set. */
  readonly flags?: number;
  readonly change?: number;
  readonly attributes?: readonly NetlinkAttribute[];
}

const ifinfomsg = ({ index = 0, flags = 0, change = 0 }: LinkChange) => u32s(0, index, flags, change);

/** Changes an interface: its name, its namespace, whether it is up. */
export const changeLink = (link: LinkChange): Uint8Array =>
  netlinkMessage({ type: RTM.NEWLINK, flags: ACKNOWLEDGED }, ifinfomsg(link), link.attributes);

export const nameAttribute = (name: string): NetlinkAttribute => ({ type: IFLA.IFNAME, payload: netlinkText(name) });
/** The network namespace that a descriptor is of. */
export const namespaceAttribute = (fd: number): NetlinkAttribute => ({ type: IFLA.NET_NS_FD, payload: u32s(fd) });

/** Asks for one interface. */
export const getLink = (name: string): Uint8Array =>
  netlinkMessage({ type: RTM.GETLINK, flags: NLM_F.REQUEST }, ifinfomsg({}), [nameAttribute(name)]);

/** Asks for all addresses of all interfaces. */
export const getAddresses = (): Uint8Array =>
  netlinkMessage({ type: RTM.GETADDR, flags: NLM_F.REQUEST | NLM_F.DUMP }, new Uint8Array(IFADDRMSG));

export interface LinkInfo {
  readonly index: number;
  readonly name: string;
  readonly flags: number;
}

export function decodeLink({ type, payload }: NetlinkMessage): LinkInfo | undefined {
  if (type !== RTM.NEWLINK || payload.length < IFINFOMSG) return undefined;
  const view = viewOf(payload);
  const name = decodeAttributes(payload, IFINFOMSG).get(IFLA.IFNAME);
  return { index: view.getInt32(4, true), flags: view.getUint32(8, true), name: name ? decodeText(name) : "" };
}

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

export function decodeAddress({ type, payload }: NetlinkMessage): LinkAddress | undefined {
  if (type !== RTM.NEWADDR || payload.length < IFADDRMSG) return undefined;
  const view = viewOf(payload);
  const attributes = decodeAttributes(payload, IFADDRMSG);
  const number = (attribute: number) => {
    const value = attributes.get(attribute);
    return value && value.length >= 4 ? viewOf(value).getUint32(0, true) : undefined;
  };
  return {
    family: view.getUint8(0),
    prefixLength: view.getUint8(1),
    // Eight bits of them have a place of their own, all have one in the attribute.
    flags: number(IFA.FLAGS) ?? view.getUint8(2),
    scope: view.getUint8(3),
    index: view.getUint32(4, true),
    address: attributes.get(IFA.ADDRESS),
    local: attributes.get(IFA.LOCAL),
    broadcast: attributes.get(IFA.BROADCAST),
    priority: number(IFA.RT_PRIORITY),
  };
}

/** Gives an interface an address that it has not. */
export function addAddress(one: LinkAddress): Uint8Array {
  const fixed = Uint8Array.of(one.family, one.prefixLength, one.flags & 0xff, one.scope, 0, 0, 0, 0);
  viewOf(fixed).setUint32(4, one.index, true);
  const optional = (type: number, payload: Uint8Array | undefined) => (payload ? [{ type, payload }] : []);
  return netlinkMessage({ type: RTM.NEWADDR, flags: ACKNOWLEDGED | NLM_F.CREATE | NLM_F.EXCL }, fixed, [
    ...optional(IFA.LOCAL, one.local),
    ...optional(IFA.ADDRESS, one.address),
    ...optional(IFA.BROADCAST, one.broadcast),
    ...optional(IFA.FLAGS, u32s(one.flags)),
    ...optional(IFA.RT_PRIORITY, one.priority === undefined ? undefined : u32s(one.priority)),
  ]);
}
