/** Rules that say which routing table is looked at (ip-rule(8), linux/fib_rules.h). */
import { attribute } from "./attributes.ts";
import { ACKNOWLEDGED } from "./link.ts";
import { type NetlinkAttribute, type NetlinkRequest, NLM_F, netlinkRequest } from "./message.ts";

const [RTM_NEWRULE, RTM_DELRULE] = [32, 33];
export const FRA = { SRC: 2, PRIORITY: 6, SUPPRESS_PREFIXLEN: 14, TABLE: 15, IP_PROTO: 22, SPORT_RANGE: 23 } as const;
const FR_ACT_TO_TBL = 1;
/** struct fib_rule_hdr: u8 family, destination prefix, source prefix, tos, table, two reserved, action, u32 flags */
const FIB_RULE_HDR = 12;

export interface Rule {
  readonly family: number;
  /** The one with the smallest is asked first. */
  readonly priority: number;
  readonly table: number;
  /** Packets from this address alone. */
  readonly from?: Uint8Array;
  /** IPPROTO_* */
  readonly protocol?: number;
  /** First and last port that packets come from. */
  readonly sourcePorts?: readonly [first: number, last: number];
  /** Routes of the table with a prefix of at most so many bits do not count: with 0, the default route. */
  readonly suppressPrefixLength?: number;
}

export const addRule = (rule: Rule): NetlinkRequest =>
  ruleMessage(RTM_NEWRULE, ACKNOWLEDGED | NLM_F.CREATE | NLM_F.EXCL, rule);

export const deleteRule = (rule: Rule): NetlinkRequest => ruleMessage(RTM_DELRULE, ACKNOWLEDGED, rule);

function ruleMessage(type: number, flags: number, rule: Rule): NetlinkRequest {
  const { family, priority, table, from, protocol, sourcePorts, suppressPrefixLength } = rule;
  const fixed = new Uint8Array(FIB_RULE_HDR);
  fixed.set([family, 0, (from?.length ?? 0) * 8, 0, table < 256 ? table : 0, 0, 0, FR_ACT_TO_TBL]);
  const attributes: NetlinkAttribute[] = [
    attribute.u32(FRA.PRIORITY, priority),
    attribute.u32(FRA.TABLE, table),
    ...(from ? [attribute.bytes(FRA.SRC, from)] : []),
    ...(protocol === undefined ? [] : [attribute.bytes(FRA.IP_PROTO, Uint8Array.of(protocol))]),
    ...(sourcePorts ? [attribute.bytes(FRA.SPORT_RANGE, new Uint8Array(Uint16Array.from(sourcePorts).buffer))] : []),
    ...(suppressPrefixLength === undefined ? [] : [attribute.u32(FRA.SUPPRESS_PREFIXLEN, suppressPrefixLength)]),
  ];
  return netlinkRequest<never>({ type, flags }, fixed, attributes);
}
