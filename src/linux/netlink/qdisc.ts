/** Queueing disciplines in the terms of tc(8), linux/rtnetlink.h and linux/pkt_sched.h. */
import { u32s } from "../struct.ts";
import { attribute, readText } from "./attributes.ts";
import { ACKNOWLEDGED, type Later, RTM } from "./link.ts";
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

export const TCA = { KIND: 1, OPTIONS: 2 } as const;
export const TCA_TBF = { PARMS: 1, RATE64: 4, BURST: 6 } as const;
/** What is sent through an interface goes through its root discipline. */
const TC_H_ROOT = 0xffff_ffff;
/** Packets are counted as they are: without it the kernel wants a table of times from the old days. */
const TC_LINKLAYER_ETHERNET = 1;

/** struct tcmsg: u8 family, three bytes, s32 index, u32 handle, u32 parent, u32 info */
const TCMSG = 20;
const INDEX_AT = 4;
/** struct tc_tbf_qopt: two struct tc_ratespec of 12 bytes, whose last number is the rate; u32 limit, buffer, mtu */
const TBF_QOPT = 36;

/** A token bucket (tc-tbf(8)): bytes per second, and bytes. */
export interface TokenBucket {
  readonly rate: number;
  /** How much may go at once. */
  readonly burst: number;
  /** How much may wait for tokens; what comes then is lost. */
  readonly limit: number;
}

function tcmsg<V>(index: Later<V>): Uint8Array {
  const bytes = new Uint8Array(TCMSG);
  const view = viewOf(bytes);
  if (typeof index === "number") view.setInt32(INDEX_AT, index, true);
  view.setUint32(12, TC_H_ROOT, true);
  return bytes;
}

const fillsOf = <V>(index: Later<V>) => (typeof index === "number" ? [] : [{ at: INDEX_AT, value: index.later }]);

/** Limits what is sent through an interface, in place of what limits it now. */
export function limitRate<V = never>(index: Later<V>, { rate, burst, limit }: TokenBucket): NetlinkRequest<V> {
  const options = new Uint8Array(TBF_QOPT);
  const view = viewOf(options);
  options[1] = TC_LINKLAYER_ETHERNET;
  view.setUint32(8, Math.min(rate, 0xffff_ffff), true);
  view.setUint32(24, Math.min(limit, 0xffff_ffff), true);
  const large = new Uint8Array(8);
  viewOf(large).setBigUint64(0, BigInt(rate), true);
  const attributes: readonly NetlinkAttribute<V>[] = [
    attribute.text(TCA.KIND, "tbf"),
    attribute.nested<V>(TCA.OPTIONS, [
      attribute.bytes(TCA_TBF.PARMS, options),
      ...(rate > 0xffff_ffff ? [attribute.bytes(TCA_TBF.RATE64, large)] : []),
      attribute.bytes(TCA_TBF.BURST, u32s(burst)),
    ]),
  ];
  const flags = ACKNOWLEDGED | NLM_F.CREATE | NLM_F.REPLACE;
  return netlinkRequest<V>({ type: RTM.NEWQDISC, flags }, tcmsg(index), attributes, fillsOf(index));
}

/** Takes the root discipline of an interface away: then it has the kernel's own again. */
export const unlimitRate = <V = never>(index: Later<V>): NetlinkRequest<V> =>
  netlinkRequest<V>({ type: RTM.DELQDISC, flags: ACKNOWLEDGED }, tcmsg(index), [], fillsOf(index));

/** Asks for all queueing disciplines. */
export const getQdiscs = (): Uint8Array =>
  netlinkMessage({ type: RTM.GETQDISC, flags: NLM_F.REQUEST | NLM_F.DUMP }, new Uint8Array(TCMSG));

/** A token bucket that limits what is sent through an interface. */
export interface Limit {
  readonly index: number;
  readonly bucket: TokenBucket;
}

/** The kernel tells of the time that filling the bucket takes, in units of 64 ns (PSCHED_SHIFT in include/net/pkt_sched.h). */
const TICK = 64e-9;

/** Undefined for all that is no token bucket at the root of an interface. */
export function decodeLimit({ type, payload }: NetlinkMessage): Limit | undefined {
  if (type !== RTM.NEWQDISC || payload.length < TCMSG) return undefined;
  const view = viewOf(payload);
  const attributes = decodeAttributes(payload, TCMSG);
  const options = decodeAttributes(attributes.get(TCA.OPTIONS) ?? new Uint8Array(0));
  const parameters = options.get(TCA_TBF.PARMS);
  const isRoot = view.getUint32(12, true) === TC_H_ROOT && readText(attributes.get(TCA.KIND)) === "tbf";
  if (!isRoot || !parameters || parameters.length < TBF_QOPT) return undefined;
  const numbers = viewOf(parameters);
  const large = options.get(TCA_TBF.RATE64);
  const rate = large?.length === 8 ? Number(viewOf(large).getBigUint64(0, true)) : numbers.getUint32(8, true);
  const burst = Math.ceil((numbers.getUint32(28, true) + 1) * TICK * rate);
  return { index: view.getInt32(INDEX_AT, true), bucket: { rate, burst, limit: numbers.getUint32(24, true) } };
}
