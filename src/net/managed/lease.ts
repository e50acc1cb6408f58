/** Which address of a network a container gets. The index of an address in its subnet is the number of its lease, for IPv4 and IPv6 the same. */
import { invalid, LibctError } from "../../errors.ts";
import { formatIp, parseIp } from "../../linux/index.ts";
import type { Network } from "./network.ts";
import { addressAt, addressOf, indexOf, isIpv6, lastUsable, sizeOf, subnetOf } from "./subnet.ts";

/** The indexes that the network itself has: the subnet's own address, its gateways, the broadcast address. */
function reserved({ subnets }: Network): ReadonlySet<number> {
  return new Set([0, ...subnets.map(({ subnet, gateway }) => indexOf(subnetOf(subnet), addressOf(gateway)) ?? 0)]);
}

/** Whether a container can have it. */
export const isLease = (network: Network, lease: number): boolean =>
  lease < leaseCount(network) && !reserved(network).has(lease);

/** How many leases there can be, with those that are reserved. */
export function leaseCount({ subnets }: Network): number {
  return Math.min(...subnets.map(({ subnet }) => lastUsable(subnetOf(subnet)) + 1));
}

/** The addresses of a lease, each with the length of its subnet: "10.201.0.5/24". */
export const leasedAddresses = ({ subnets }: Network, lease: number): readonly string[] =>
  subnets.map(({ subnet }) => {
    const prefix = subnetOf(subnet);
    return `${formatIp(addressAt(prefix, lease))}/${prefix.length}`;
  });

/** The lease of an address that was asked for. */
export function leaseOf(network: Network, address: string, member: string): number {
  const bytes = parseIp(address);
  if (!bytes) throw invalid(member, address, "an address such as 10.201.0.5");
  const subnet = network.subnets.map((one) => subnetOf(one.subnet)).find((one) => one.address.length === bytes.length);
  const own = network.subnets.map((one) => one.subnet).join(" and ");
  const index = subnet && indexOf(subnet, bytes);
  if (index === undefined)
    throw invalid(member, address, `an address of ${own}, which the network ${network.name} has`);
  if (reserved(network).has(index))
    throw invalid(member, address, `another address of ${own}: this one is the network's own`);
  if (index >= leaseCount(network))
    throw invalid(member, address, `an address of ${own} that every subnet of the network has`);
  return index;
}

export const addressInUse = (
  { name }: Network,
  addresses: readonly string[],
  member: string,
  cause?: LibctError,
): LibctError =>
  new LibctError("ERR_CT_STATE", `the address ${addresses.join(" ")} is in use by another container`, {
    member,
    errno: cause?.errno,
    hint: `\`ct network inspect ${name}\` tells who has it; without an address it gets a free one`,
    cause,
  });

/** FNV-1a: the same name begins at the same place, so that a container mostly has the address that it had before. */
export function placeOf(name: string, among: number): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % among;
}

/**
 * A lease that is free as far as is known: the first one from `start` on, among the first `window` ones, and among all when these are taken. `taken` tells of
 * those that somebody holds or that were tried.
 */
export function chooseLease(network: Network, start: number, window: number, taken: ReadonlySet<number>): number {
  const own = reserved(network);
  const count = leaseCount(network);
  for (const among of [Math.min(window, count), count]) {
    for (let step = 0; step < among; step++) {
      const lease = (start + step) % among;
      if (!own.has(lease) && !taken.has(lease)) return lease;
    }
  }
  throw new LibctError("ERR_CT_STATE", `all ${count - own.size} addresses of the network ${network.name} are in use`, {
    hint: "remove containers, or make a network with a larger subnet",
  });
}

export const isDualStack = ({ subnets }: Network): boolean => subnets.some(({ subnet }) => isIpv6(subnetOf(subnet)));
export const smallest = ({ subnets }: Network): number =>
  Math.min(...subnets.map(({ subnet }) => sizeOf(subnetOf(subnet))));
