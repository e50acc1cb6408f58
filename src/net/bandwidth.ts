import { invalid } from "../errors.ts";
import { E, limitRate, type TokenBucket, unlimitRate } from "../linux/index.ts";
import { type NetPlace, type NetStep, type NetValue, type NicCommon, parseRate } from "../spec/index.ts";
import { type Direction, police } from "./police.ts";
import { indexOf, request } from "./request.ts";

type Bandwidth = NonNullable<NicCommon["bandwidth"]>;

/**
 * What comes in is limited where the host sends it, what goes out where the container does: only what is sent can be made to wait. `outside` is the other side
 * of the pair, on the host; of an interface without one, and by a kernel without token buckets, what is too much is thrown away.
 */
export function limitBandwidth(
  name: string,
  { ingress, egress }: Bandwidth,
  outside: string | number | undefined,
  member: string,
): readonly NetStep[] {
  if (ingress !== undefined && name === "lo") {
    throw invalid(
      `${member}.bandwidth.ingress`,
      ingress,
      "nothing",
      "what the loopback receives is what it sends: egress",
    );
  }
  const rate = { ingress: `${member}.bandwidth.ingress`, egress: `${member}.bandwidth.egress` } as const;
  const sent =
    egress === undefined ? [] : [limit(name, "egress", { place: "container", link: name }, egress, rate.egress)];
  if (ingress === undefined) return sent;
  // Last what is made with all that belongs to it or not at all, and so need not be taken back.
  if (outside === undefined)
    return [...sent, police(name, "ingress", bucketOf(parseRate(ingress, rate.ingress)), whyOf(ingress))];
  return [limit(name, "ingress", { place: "host", link: outside }, ingress, rate.ingress), ...sent];
}

const linkOf = (link: string | number, place: NetPlace) => (typeof link === "number" ? link : indexOf(link, place));
const whyOf = (rate: number | string) => `limit its bandwidth to ${rate} bit/s`;

interface Sender {
  readonly place: NetPlace;
  readonly link: string | number;
}

/** ENOENT: there is no such discipline; ENOTSUP (EOPNOTSUPP): there are none. */
const WITHOUT_TBF = [E.ENOENT, E.ENOTSUP] as const;

function limit(
  name: string,
  direction: Direction,
  { place, link }: Sender,
  rate: number | string,
  member: string,
): NetStep {
  const bucket = bucketOf(parseRate(rate, member));
  const { message, fills } = limitRate<NetValue>(linkOf(link, place), bucket);
  const step = police(name, direction, bucket, whyOf(rate));
  return { do: "request", place, message, fills, otherwise: { on: WITHOUT_TBF, step }, why: whyOf(rate) };
}

/** As it was before. There may have been none, or one by rules alone. */
export function restoreLimit(place: NetPlace, link: string | number, bucket: TokenBucket | undefined): NetStep {
  if (!bucket) return unlimit(place, link);
  return request(place, limitRate<NetValue>(linkOf(link, place), bucket), "give it its limit of bandwidth back");
}

const unlimit = (place: NetPlace, link: string | number): NetStep =>
  request(place, unlimitRate<NetValue>(linkOf(link, place)), "lift the limit of its bandwidth", [E.ENOENT, E.EINVAL]);

/** A packet that is larger than the bucket is cut or never goes: the largest that interfaces without a wire hand on has 64 KiB. */
const LEAST_BURST = 65536;
/** tc-tbf(8), "latency": how long a packet waits at most, in seconds. */
const LATENCY = 0.05;

export function bucketOf(bits: number): TokenBucket {
  const rate = Math.floor(bits / 8);
  const burst = Math.max(LEAST_BURST, Math.floor(rate / 50));
  return { rate, burst, limit: burst + Math.floor(rate * LATENCY) };
}
