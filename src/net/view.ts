import type { ProgramRunner } from "../executor/index.ts";
import {
  formatIp,
  formatMac,
  IFF_UP,
  type LinkAddress,
  type LinkInfo,
  type Neighbour,
  NUD,
  type RouteInfo,
  RT_TABLE_MAIN,
  RTN,
} from "../linux/index.ts";
import { type NetworkPaths, readNeighbourState } from "./network-state.ts";

/** An interface as it is. */
export interface NetworkInterface {
  readonly index: number;
  readonly name: string;
  /** "veth", "bridge", ...; undefined: a device, or the loopback */
  readonly kind?: string;
  readonly up: boolean;
  readonly mac?: string;
  readonly mtu?: number;
  readonly txQueueLength?: number;
  /** The name of the interface that it belongs to. */
  readonly master?: string;
  /** The index of the interface below, or of the other side of a pair: mostly in another namespace. */
  readonly link?: number;
  /** "10.0.0.2/24" */
  readonly addresses: readonly string[];
}

/** A route of the main table. */
export interface NetworkRoute {
  readonly to: string;
  readonly via?: string;
  readonly dev?: string;
  readonly from?: string;
  readonly metric?: number;
  readonly nexthops?: readonly { readonly via?: string; readonly dev?: string; readonly weight: number }[];
}

/** Who is known on a link. */
export interface NetworkNeighbour {
  readonly address: string;
  readonly dev?: string;
  readonly mac?: string;
  /** "reachable", "stale", "failed", "permanent", ... (arp(7)) */
  readonly state: string;
}

/** What a network namespace has. */
export interface NetworkView {
  readonly interfaces: readonly NetworkInterface[];
  readonly routes: readonly NetworkRoute[];
  readonly neighbours: readonly NetworkNeighbour[];
}

/** Interfaces with their addresses, routes, and neighbours. */
export async function lookAtNetwork(runner: ProgramRunner, paths: NetworkPaths = {}): Promise<NetworkView> {
  const { links, addresses, routes, neighbours } = await readNeighbourState(runner, paths, "network");
  const names = new Map(links.map(({ index, name }) => [index, name]));
  return {
    interfaces: links.map((link) => interfaceOf(link, addresses, names)),
    routes: routes.filter(isShown).map((route) => routeOf(route, names)),
    neighbours: neighbours.filter(isNeighbour).flatMap((one) => neighbourOf(one, names)),
  };
}

const isShown = ({ table, type }: RouteInfo) => table === RT_TABLE_MAIN && type === RTN.UNICAST;

/** What needs no look-up is no neighbour: groups, and what is said to all. */
const isNeighbour = ({ state }: Neighbour) => (state & NUD.NOARP) === 0;

const STATES = Object.entries(NUD).map(([name, bit]) => [name.toLowerCase(), bit] as const);

function neighbourOf({ address, mac, index, state }: Neighbour, names: Names): readonly NetworkNeighbour[] {
  if (!address) return [];
  return [
    {
      address: formatIp(address),
      ...named("dev", index, names),
      ...(mac ? { mac: formatMac(mac) } : {}),
      state: STATES.find(([, bit]) => (state & bit) !== 0)?.[0] ?? "none",
    },
  ];
}

type Names = ReadonlyMap<number, string>;
const named = <K extends string>(key: K, index: number | undefined, names: Names): { readonly [P in K]?: string } => {
  const name = index === undefined ? undefined : names.get(index);
  return (name === undefined ? {} : { [key]: name }) as { readonly [P in K]?: string };
};

function interfaceOf(link: LinkInfo, addresses: readonly LinkAddress[], names: Names): NetworkInterface {
  const { index, name, kind, flags, mac, mtu, txQueueLength, master, link: below } = link;
  const own = addresses.filter((address) => address.index === index);
  return {
    index,
    name,
    ...(kind === undefined ? {} : { kind }),
    up: (flags & IFF_UP) !== 0,
    ...(mac ? { mac: formatMac(mac) } : {}),
    ...(mtu === undefined ? {} : { mtu }),
    ...(txQueueLength === undefined ? {} : { txQueueLength }),
    ...named("master", master, names),
    ...(below === undefined ? {} : { link: below }),
    addresses: own.flatMap(({ local, address, prefixLength }) => {
      const bytes = local ?? address;
      return bytes ? [`${formatIp(bytes)}/${prefixLength}`] : [];
    }),
  };
}

function routeOf(route: RouteInfo, names: Names): NetworkRoute {
  const { to, prefixLength, via, from, metric, index, nexthops } = route;
  return {
    to: to ? `${formatIp(to)}/${prefixLength}` : "default",
    ...(via ? { via: formatIp(via) } : {}),
    ...named("dev", index, names),
    ...(from ? { from: formatIp(from) } : {}),
    ...(metric === undefined ? {} : { metric }),
    ...(nexthops.length === 0
      ? {}
      : {
          nexthops: nexthops.map((hop) => ({
            ...(hop.via ? { via: formatIp(hop.via) } : {}),
            ...named("dev", hop.index, names),
            weight: hop.weight ?? 1,
          })),
        }),
  };
}
