import { invalid, type LibctError } from "../errors.ts";
import {
  formatIp,
  formatIpPrefix,
  formatMac,
  IFF_UP,
  type LinkAddress,
  type LinkInfo,
  type RouteInfo,
  RTN,
  RTPROT_KERNEL,
} from "../linux/index.ts";
import type { NetworkState } from "./network-state.ts";

/** An interface of a container as the kernel has it now. */
export interface NicState {
  readonly name: string;
  readonly index: number;
  /** Such as "veth"; undefined for one of the machine's own, and for the loopback. */
  readonly kind?: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly up: boolean;
  /** With the lengths of their networks. */
  readonly addresses: readonly string[];
  /** But for those that come with addresses by themselves. */
  readonly routes: readonly { readonly to: string; readonly via?: string; readonly metric?: number }[];
}

export const describeNics = (state: NetworkState): readonly NicState[] =>
  state.links.map((link) => ({
    name: link.name,
    index: link.index,
    ...(link.kind === undefined ? {} : { kind: link.kind }),
    ...(link.mac?.length === 6 ? { mac: formatMac(link.mac) } : {}),
    ...(link.mtu === undefined ? {} : { mtu: link.mtu }),
    up: isUp(link),
    addresses: addressesOf(state, link).map(addressText),
    routes: routesOfLink(state, link).map(describeRoute),
  }));

export const isUp = ({ flags }: LinkInfo): boolean => (flags & IFF_UP) !== 0;

/** Those of its own: fe80::/10 is the kernel's own affair (RFC 4291, 2.8). */
export const addressesOf = ({ addresses }: NetworkState, { index }: LinkInfo): readonly LinkAddress[] =>
  addresses.filter((one) => one.index === index && !isLinkLocal(one));

const isLinkLocal = ({ address }: LinkAddress): boolean =>
  address?.length === 16 && address[0] === 0xfe && ((address[1] ?? 0) & 0xc0) === 0x80;

export const addressText = ({ local, address, prefixLength }: LinkAddress): string =>
  formatIpPrefix({ address: local ?? address ?? new Uint8Array(4), length: prefixLength });

/** Routes that somebody has made, through this interface alone or among others. */
export const routesOfLink = ({ routes }: NetworkState, { index }: LinkInfo): readonly RouteInfo[] =>
  routes.filter(
    (route) =>
      route.type === RTN.UNICAST &&
      route.protocol !== RTPROT_KERNEL &&
      (route.index === index || route.nexthops.some((hop) => hop.index === index)),
  );

function describeRoute({ to, prefixLength, via, metric }: RouteInfo): NicState["routes"][number] {
  return {
    to: to ? formatIpPrefix({ address: to, length: prefixLength }) : "default",
    ...(via ? { via: formatIp(via) } : {}),
    ...(metric === undefined ? {} : { metric }),
  };
}

export function linkNamed(name: string, { links }: Pick<NetworkState, "links">): LinkInfo {
  const link = links.find((one) => one.name === name);
  if (link) return link;
  throw noInterface(name, links);
}

const noInterface = (name: string, links: readonly LinkInfo[]): LibctError =>
  invalid(`nics.${name}`, name, `an interface that the container has: ${links.map((one) => one.name).join(", ")}`);
