import { invalid } from "../errors.ts";
import { limitRate, type TokenBucket, unlimitRate } from "../linux/index.ts";
import { type NetPlace, type NetStep, type NetValue, type NicCommon, parseRate } from "../spec/index.ts";
import { indexOf, request } from "./request.ts";

type Bandwidth = NonNullable<NicCommon["bandwidth"]>;

/**
 * What comes in is limited where the host sends it, what goes out where the container does: only what is sent can be made to wait. `outside` is the other side
 * of the pair, on the host.
 */
export function limitBandwidth(
  name: string,
  { ingress, egress }: Bandwidth,
  outside: string | number | undefined,
  member: string,
): readonly NetStep[] {
  if (ingress !== undefined && outside === undefined) {
    const hint = "limit it on the host's interface, or take a veth";
    throw invalid(`${member}.bandwidth.ingress`, ingress, "nothing, as no side of this interface is on the host", hint);
  }
  return [
    ...(ingress === undefined ? [] : [limit("host", outside ?? name, ingress, `${member}.bandwidth.ingress`)]),
    ...(egress === undefined ? [] : [limit("container", name, egress, `${member}.bandwidth.egress`)]),
  ];
}

const linkOf = (link: string | number, place: NetPlace) => (typeof link === "number" ? link : indexOf(link, place));

function limit(place: NetPlace, link: string | number, rate: number | string, member: string): NetStep {
  const message = limitRate<NetValue>(linkOf(link, place), bucketOf(parseRate(rate, member)));
  return request(place, message, `limit its bandwidth to ${rate} bit/s`);
}

export const unlimit = (place: NetPlace, link: string | number): NetStep =>
  request(place, unlimitRate<NetValue>(linkOf(link, place)), "lift the limit of its bandwidth");

/** A packet that is larger than the bucket is cut or never goes: the largest that interfaces without a wire hand on has 64 KiB. */
const LEAST_BURST = 65536;
/** tc-tbf(8), "latency": how long a packet waits at most, in seconds. */
const LATENCY = 0.05;

export function bucketOf(bits: number): TokenBucket {
  const rate = Math.floor(bits / 8);
  const burst = Math.max(LEAST_BURST, Math.floor(rate / 50));
  return { rate, burst, limit: burst + Math.floor(rate * LATENCY) };
}
