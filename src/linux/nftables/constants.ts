/** Numbers of nf_tables: include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h and netfilter.h. */

import { NFNL_SUBSYS_NFTABLES } from "../index.ts";

export const NETLINK_NETFILTER = 12;

export const NFNL_MSG_BATCH = { BEGIN: 0x10, END: 0x11 } as const;

const message = <N extends number>(number: N) => (NFNL_SUBSYS_NFTABLES << 8) | number;

/** Types of messages: what is made, asked for, and removed. */
export const NFT_MSG = {
  NEWTABLE: message(0),
  GETTABLE: message(1),
  DELTABLE: message(2),
  NEWCHAIN: message(3),
  GETCHAIN: message(4),
  DELCHAIN: message(5),
  NEWRULE: message(6),
  GETRULE: message(7),
  DELRULE: message(8),
  NEWSET: message(9),
  GETSET: message(10),
  DELSET: message(11),
  NEWSETELEM: message(12),
  GETSETELEM: message(13),
  DELSETELEM: message(14),
} as const;

export const NFPROTO = { UNSPEC: 0, INET: 1, IPV4: 2, NETDEV: 5, IPV6: 10 } as const;
export const NF_INET = { PRE_ROUTING: 0, LOCAL_IN: 1, FORWARD: 2, LOCAL_OUT: 3, POST_ROUTING: 4 } as const;
/** Hooks of an interface: of what comes in (Linux 4.2), and of what goes out (5.16). */
export const NF_NETDEV = { INGRESS: 0, EGRESS: 1 } as const;
/** Where a chain stands among others of its hook (netfilter_ipv4.h). */
export const NF_IP_PRI = { RAW: -300, NAT_DST: -100, FILTER: 0, NAT_SRC: 100 } as const;

/** Verdicts, of a chain's policy or of a rule. */
export const NF = { DROP: 0, ACCEPT: 1, CONTINUE: -1, BREAK: -2, JUMP: -3, GOTO: -4, RETURN: -5 } as const;

/** Registers: 1 to 4 have 16 bytes, 8 to 23 are the same memory in pieces of 4. */
export const NFT_REG = { VERDICT: 0, R1: 1, R2: 2, R3: 3, R4: 4, R32_00: 8 } as const;
/** The piece of 4 bytes that lies `words` behind the beginning of register 1. */
export const wordRegister = (words: number): number => NFT_REG.R32_00 + words;

export const NFT_META = { MARK: 3, IIF: 4, OIF: 5, IIFNAME: 6, OIFNAME: 7, NFPROTO: 15, L4PROTO: 16 } as const;
export const NFT_PAYLOAD = { LINK: 0, NETWORK: 1, TRANSPORT: 2 } as const;
export const NFT_CMP = { EQ: 0, NEQ: 1, LT: 2, LTE: 3, GT: 4, GTE: 5 } as const;
export const NFT_LOOKUP_F_INV = 1;
export const NFT_NAT = { SNAT: 0, DNAT: 1 } as const;
export const NFT_CT = { STATE: 0, DIRECTION: 1, STATUS: 2, MARK: 3 } as const;
/** Bits of what NFT_CT.STATE and NFT_CT.STATUS load. */
export const CT_STATE = { INVALID: 1, ESTABLISHED: 2, RELATED: 4, NEW: 8 } as const;
export const IPS_DST_NAT = 0x20;
export const NFT_FIB = { OIF: 1, OIFNAME: 2, ADDRTYPE: 3 } as const;
export const NFTA_FIB_F = { SADDR: 1, DADDR: 2, MARK: 4, IIF: 8, OIF: 16 } as const;
export const NFT_LIMIT = { PACKETS: 0, BYTES: 1 } as const;
export const NFT_LIMIT_F_INV = 1;
/** The type of an address that is the host's own (rtnetlink.h). */
export const RTN_LOCAL = 2;

export const NFT_SET = { ANONYMOUS: 1, CONSTANT: 2, INTERVAL: 4, MAP: 8, TIMEOUT: 0x10, EVAL: 0x20 } as const;
export const NFT_SET_ELEM_INTERVAL_END = 1;

/** What `nft` calls the types of keys; the kernel keeps these numbers for it (nftables, include/datatype.h). */
const DATATYPE = { ipv4_addr: 7, ipv6_addr: 8, inet_proto: 12, inet_service: 13, ifname: 41 } as const;
const DATATYPE_BITS = 6;
export type Datatype = keyof typeof DATATYPE;

export const DATATYPE_SIZE: Readonly<Record<Datatype, number>> = {
  ipv4_addr: 4,
  ipv6_addr: 16,
  inet_proto: 1,
  inet_service: 2,
  ifname: 16,
};

/** Of several one behind the other: a concatenation. */
export const datatypeNumber = (parts: readonly Datatype[]): number =>
  parts.reduce((number, part) => (number << DATATYPE_BITS) | DATATYPE[part], 0);

/** In registers each part begins at a multiple of 4. */
export const datatypeLength = (parts: readonly Datatype[]): number =>
  parts.length === 1
    ? DATATYPE_SIZE[parts[0] ?? "ifname"]
    : parts.reduce((sum, part) => sum + ((DATATYPE_SIZE[part] + 3) & ~3), 0);
