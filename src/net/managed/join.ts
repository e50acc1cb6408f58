/** A container that joins managed networks: what it gets there, and what the monitor does for that. */
import { invalid } from "../../errors.ts";
import { formatMac, parseIpPrefix } from "../../linux/index.ts";
import type { ContainerSpec, NetStep, NetworkNic, NicRoute, PlannedNic, VethNic } from "../../spec/index.ts";
import { hasIpv6 } from "../ipv6.ts";
import { BLANK_PLACE, PLACE, placeContent } from "./hosts-file.ts";
import { addressInUse, leasedAddresses, leaseOf } from "./lease.ts";
import { isMade, makeNetwork, parameterOf } from "./make.ts";
import type { Network } from "./network.ts";
import { type NetworkPlaces, RUNNING_FILE, undoFile } from "./places.ts";
import type { PlannedNetworks } from "./plan.ts";
import { publishedLater } from "./published-later.ts";
import { findLease, makePlace, openRunning } from "./running.ts";
import { knownNetworks, networkNamed } from "./store.ts";

/** A container's place in a network. */
export interface Joined {
  /** The interface's name in the container. */
  readonly nic: string;
  readonly network: Network;
  /** Where the network's files are. */
  readonly directory: string;
  readonly lease: number;
  /** "10.201.0.5/24" */
  readonly addresses: readonly string[];
}

/** What is known from attempts that have failed, because somebody else was quicker. */
export interface Tried {
  /** Leases that were not free, by the network. */
  readonly leases: Map<string, Set<number>>;
  /** Ports of the host that were not. */
  readonly ports: Set<number>;
  /** Also what mostly is there must be made: somebody has removed it. */
  all?: boolean;
  /** What the last attempt was. */
  last?: PlannedNetworks;
}

export const nothingTried = (): Tried => ({ leases: new Map(), ports: new Set() });

export const isManaged = (nic: object): nic is NetworkNic => Reflect.get(nic, "type") === "network";

/** Chooses the address of each interface in a managed network. */
export function joinNetworks(
  { nics = {} }: ContainerSpec,
  containerName: string,
  places: NetworkPlaces,
  tried: Tried,
): readonly Joined[] {
  const own = new Map<string, Set<number>>();
  return Object.entries(nics).flatMap(([nic, wanted]): Joined[] => {
    if (!isManaged(wanted)) return [];
    const network = networkNamed(places.networks, wanted.network, `nics.${nic}.network`);
    const directory = openRunning(places.running, network);
    const taken = own.get(network.name) ?? new Set();
    own.set(network.name, taken);
    const lease =
      wanted.address === undefined
        ? findLease(network, directory, containerName, new Set([...(tried.leases.get(network.name) ?? []), ...taken]))
        : leaseOf(network, wanted.address, `nics.${nic}.address`);
    const others = tried.leases.get(network.name);
    if (wanted.address !== undefined && others?.has(lease))
      throw addressInUse(network, leasedAddresses(network, lease), `nics.${nic}.address`);
    if (taken.has(lease))
      throw invalid(`nics.${nic}.address`, wanted.address, "an address that no other interface has");
    taken.add(lease);
    return [{ nic, network, directory, lease, addresses: leasedAddresses(network, lease) }];
  });
}

/** An interface on the network's bridge, as if all of it had been said by hand. */
export function asVeth(nic: NetworkNic, { network, lease, addresses }: Joined, leadsOut: boolean): VethNic {
  const { type: _, network: __, address: ___, aliases: ____, ...common } = nic;
  const mtu = common.mtu ?? network.mtu;
  return {
    ...common,
    type: "veth",
    master: network.bridge,
    mac: common.mac ?? macOf(lease, addresses),
    ...(mtu === undefined ? {} : { mtu }),
    addresses: [...addresses, ...(common.addresses ?? [])],
    sysctl: { ...ipv6Parameters(network, common.addresses ?? []), ...common.sysctl },
    routes: [...(leadsOut ? defaultRoutes(network) : []), ...(common.routes ?? [])],
    peer: { ipv6: false, ...(bridgesAreFiltered() ? { hairpin: true } : {}) },
  };
}

/**
 * Where the network has no IPv6 its interfaces have none: what the kernel says to all neighbours for each new link-local address goes to every container there is,
 * which would make the thousandth one slower than the first. (So would routes of IPv6 by every port of the bridge, which ports do not need in any case.)
 */
function ipv6Parameters({ subnets }: Network, more: readonly string[]): Readonly<Record<string, string>> {
  const all = [...subnets.map(({ subnet }) => subnet), ...more];
  if (!hasIpv6()) return {};
  // The network's routes are known; any other comes from a neighbour.
  if (all.some((text) => text.includes(":"))) return { "net.ipv6.conf.IFNAME.accept_ra": "0" };
  return { "net.ipv6.conf.IFNAME.disable_ipv6": "1" };
}

/** The same address has the same MAC, whoever has it: nobody sends to one that was there before. */
function macOf(lease: number, addresses: readonly string[]): string {
  const four = addresses.map((text) => parseIpPrefix(text)?.address).find((address) => address?.length === 4);
  const last = four ?? [(lease >>> 24) & 0xff, (lease >> 16) & 0xff, (lease >> 8) & 0xff, lease & 0xff];
  return formatMac(Uint8Array.of(0x02, 0x63, ...last));
}

const defaultRoutes = ({ subnets }: Network): readonly NicRoute[] =>
  subnets.map(({ gateway }) => ({ to: gateway.includes(":") ? "::/0" : "0.0.0.0/0", via: gateway }));

/** Then a container that reaches itself by the host's address is bridged back to where it came from (br_netfilter). */
const bridgesAreFiltered = (): boolean => parameterOf("bridge/bridge-nf-call-iptables") === "1";

/** The default route is that of the first network that leads anywhere, if nothing else is said. */
export function leadingOut({ nics = {} }: ContainerSpec, joined: readonly Joined[]): Joined | undefined {
  const said = Object.values(nics).some(({ routes = [] }) =>
    routes.some(({ to }) => /^(default|0\.0\.0\.0\/0|::\/0)$/.test(to)),
  );
  return said ? undefined : joined.find(({ network }) => !network.internal);
}

/**
 * Before the interface is made: the lease, what its last holder may have left, and the network itself. Its names come before that: when the network is removed at
 * this moment their file is not there any more, and then nothing is made of it again.
 */
export function beforeJoining(
  joined: Joined,
  names: readonly string[],
  all: boolean,
  { networks }: Pick<NetworkPlaces, "networks">,
): PlannedNic {
  const { nic, network, directory, lease } = joined;
  const { tell, forget } = places(joined, names);
  return {
    member: `nics.${nic}`,
    setUp: [
      { do: "lock", path: `${directory}/${RUNNING_FILE.LEASES}`, byte: lease, why: "take the address" },
      undo(directory, lease),
      // Who has published them may have been killed; the lease is the proof that the container is gone.
      ...publishedLater(directory)
        .filter((one) => one.lease === lease)
        .map((one) => undoAt(one.undo)),
      tell,
      ...makeNetwork(network, all || !isMade(network), () =>
        knownNetworks(networks).filter(({ name }) => name !== network.name),
      ),
    ],
    // All of it under the lock of the lease, also when somebody else does it.
    tearDown: [undo(directory, lease), forget],
  };
}

export const undo = (directory: string, lease: number): NetStep => undoAt(`${directory}/${undoFile(lease)}`);

export const undoAt = (path: string): NetStep => ({
  do: "undo",
  path,
  why: "take away the ports that were published for the address",
});

/** Others find it by its names from then on, until it has ended. One that is too far behind writes nothing. */
function places({ nic, network, directory, lease, addresses }: Joined, names: readonly string[]) {
  const plain = addresses.map((text) => text.split("/")[0] ?? text);
  const content = placeContent(plain, names, `nics.${nic}.aliases`);
  const has = makePlace(directory, lease);
  return {
    tell: putPlace(directory, lease, has ? content : "", `tell the network ${network.name} its names`),
    forget: putPlace(directory, lease, has ? BLANK_PLACE : "", `forget its names in the network ${network.name}`),
  };
}

export const putPlace = (directory: string, lease: number, text: string, why: string): NetStep => ({
  do: "put",
  path: `${directory}/${RUNNING_FILE.HOSTS}`,
  at: text === "" ? 0 : lease * PLACE,
  content: new TextEncoder().encode(text),
  why,
});

/** The container's names there, if they have a place. */
export const forgetPlace = (directory: string, lease: number): NetStep =>
  putPlace(directory, lease, makePlace(directory, lease) ? BLANK_PLACE : "", "forget its names in the network");
