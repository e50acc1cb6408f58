/** Arithmetic with addresses: the N-th one of a subnet, and what two subnets share. */
import { formatIp, type IpPrefix, networkOf, parseIp, parseIpPrefix } from "../../linux/index.ts";

const toNumber = (address: Uint8Array): bigint => address.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

function toAddress(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = length - 1, rest = value; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  return bytes;
}

/** A subnet as text: "10.201.0.0/24"; undefined when it is none, or has bits set behind its length. */
export function parseSubnet(text: string): IpPrefix | undefined {
  const prefix = parseIpPrefix(text);
  if (!prefix || !text.includes("/")) return undefined;
  return formatIp(networkOf(prefix)) === formatIp(prefix.address) ? prefix : undefined;
}

export const isIpv6 = ({ address }: IpPrefix): boolean => address.length === 16;

/** 0 is the subnet's own address. */
export const addressAt = (subnet: IpPrefix, index: number): Uint8Array =>
  toAddress(toNumber(networkOf(subnet)) + BigInt(index), subnet.address.length);

/** Which one of the subnet's addresses it is; undefined when it lies outside, or so far behind that no lease could be told from another. */
export function indexOf(subnet: IpPrefix, address: Uint8Array): number | undefined {
  if (address.length !== subnet.address.length) return undefined;
  const index = toNumber(address) - toNumber(networkOf(subnet));
  return index < 0n || index >= BigInt(sizeOf(subnet)) ? undefined : Number(index);
}

/** A lock's place in a file is a number of 63 bits, but nobody has so many containers: 2^31 is more than enough. */
const MOST_BITS = 31;

/** How many addresses it has that can be counted. */
export const sizeOf = ({ address, length }: IpPrefix): number => 2 ** Math.min(MOST_BITS, address.length * 8 - length);

/** The last address of an IPv4 subnet is its broadcast address. */
export const lastUsable = (subnet: IpPrefix): number => sizeOf(subnet) - (isIpv6(subnet) ? 1 : 2);

export function overlap(one: IpPrefix, other: IpPrefix): boolean {
  if (one.address.length !== other.address.length) return false;
  const length = Math.min(one.length, other.length);
  const start = (prefix: IpPrefix) => formatIp(networkOf({ address: prefix.address, length }));
  return start(one) === start(other);
}

/** The first address behind a subnet; undefined when that is the last one of all. */
export function endOf(subnet: IpPrefix): Uint8Array | undefined {
  const bits = subnet.address.length * 8;
  const end = toNumber(networkOf(subnet)) + (1n << BigInt(bits - subnet.length));
  return end >= 1n << BigInt(bits) ? undefined : toAddress(end, subnet.address.length);
}

/** What is known to be one. */
export function subnetOf(text: string): IpPrefix {
  const subnet = parseSubnet(text);
  if (!subnet) throw new RangeError(`${text} is no subnet`);
  return subnet;
}

export function addressOf(text: string): Uint8Array {
  const address = parseIp(text);
  if (!address) throw new RangeError(`${text} is no address`);
  return address;
}
