/** A managed network: a bridge with subnets, whose containers find each other by name. */
import { invalid, LibctError } from "../../errors.ts";
import { formatIp, type IpPrefix, parseIp } from "../../linux/index.ts";
import type { HostRoute } from "./host-routes.ts";
import { addressAt, indexOf, isIpv6, lastUsable, overlap, parseSubnet, sizeOf, subnetOf } from "./subnet.ts";

/** The network that is there by itself: it is made when the first container is to join it. */
export const DEFAULT_NETWORK = { name: "libct", bridge: "libct0" } as const;

export interface NetworkSubnet {
  /** "10.201.0.0/24" */
  readonly subnet: string;
  /** The bridge's own address. */
  readonly gateway: string;
}

export interface Network {
  readonly version: 1;
  readonly name: string;
  /** The interface's name on the host. */
  readonly bridge: string;
  /** One for IPv4, one for IPv6, or both. */
  readonly subnets: readonly NetworkSubnet[];
  readonly mtu?: number;
  /** Nothing leaves it, nothing comes in, and no port can be published. */
  readonly internal: boolean;
  /** What leaves it has the host's address. Without it containers can be reached by their own ones, by whoever has a route. */
  readonly masquerade: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch */
  readonly created: number;
}

export interface NetworkOptions {
  readonly name: string;
  /** At most one for IPv4 and one for IPv6. Default: a free one of 10.201.0.0/16 and what follows it, with 256 addresses */
  readonly subnets?: readonly { readonly subnet: string; readonly gateway?: string }[];
  /** A subnet for IPv6, too: one of unique local addresses (RFC 4193). */
  readonly ipv6?: boolean;
  /** Default: "ct-" and the network's name, or what fits of it */
  readonly bridge?: string;
  readonly mtu?: number;
  readonly internal?: boolean;
  readonly masquerade?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What is taken on this machine. */
export interface Taken {
  readonly networks: readonly Network[];
  readonly routes: readonly HostRoute[];
  readonly links: readonly string[];
}

/** As a file's name, and in commands. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
/** Words that say where a container's network namespace comes from, and are no networks. */
const RESERVED = ["none", "host", "container", "private"];
const LINK_NAME = /^(?!\.{1,2}$)[^\s/:%]{1,15}$/;

export const isLinkName = (name: unknown): name is string => typeof name === "string" && LINK_NAME.test(name);

export function checkNetworkName(name: string, member = "name"): void {
  if (!NAME.test(name)) {
    throw invalid(
      member,
      name,
      "a network's name: letters, digits and _ . -, beginning with a letter or digit, at most 63",
    );
  }
  if (RESERVED.includes(name)) throw invalid(member, name, `another name than ${RESERVED.join(", ")}`);
}

/** The network as it will be; refuses what cannot work. `random` chooses among what is free: numbers from 0 to 1. */
export function planNetwork(options: NetworkOptions, taken: Taken, random: () => number): Network {
  checkNetworkName(options.name);
  if (taken.networks.some(({ name }) => name === options.name)) throw nameInUse(options.name);
  if (options.internal && options.masquerade)
    throw invalid("masquerade", true, "false, since nothing leaves an internal network");
  if (options.mtu !== undefined && !(options.mtu >= LEAST_MTU && options.mtu <= MOST_MTU)) {
    throw invalid("mtu", options.mtu, `a number from ${LEAST_MTU} to ${MOST_MTU}`);
  }
  const subnets = planSubnets(options, taken, random);
  const mtu = options.mtu === undefined ? {} : { mtu: options.mtu };
  return {
    version: 1,
    name: options.name,
    bridge: planBridge(options, taken),
    subnets,
    ...mtu,
    internal: options.internal ?? false,
    masquerade: options.masquerade ?? !options.internal,
    labels: options.labels ?? {},
    created: Date.now(),
  };
}

/** The least that IPv4 allows (RFC 791), and the most that an interface can have. */
const LEAST_MTU = 68;
const MOST_MTU = 65535;

const nameInUse = (name: string) =>
  new LibctError("ERR_CT_NAME_IN_USE", `there is a network named ${name} already`, {
    member: "name",
    hint: `choose another name, or remove it: ct network rm ${name}`,
  });

function planBridge({ bridge, name }: NetworkOptions, { networks, links }: Taken): string {
  const used = new Set([...links, ...networks.map((one) => one.bridge)]);
  if (bridge !== undefined) {
    if (!isLinkName(bridge)) throw invalid("bridge", bridge, "the name of an interface: at most 15 bytes");
    if (used.has(bridge))
      throw invalid("bridge", bridge, "the name of no other interface of the host", "see `ip link`");
    return bridge;
  }
  const wanted = `ct-${name}`.slice(0, 15);
  if (!used.has(wanted)) return wanted;
  for (let number = 1; ; number++) {
    const next = `${wanted.slice(0, 15 - String(number).length - 1)}-${number}`;
    if (!used.has(next)) return next;
  }
}

function planSubnets(options: NetworkOptions, taken: Taken, random: () => number): readonly NetworkSubnet[] {
  const given = (options.subnets ?? []).map((one, index) => givenSubnet(one, `subnets[${index}]`, taken));
  const versions = given.map(({ subnet }) => subnet.includes(":"));
  if (given.length > 2 || versions.filter(Boolean).length > 1 || versions.filter((six) => !six).length > 1) {
    throw invalid(
      "subnets",
      given.map(({ subnet }) => subnet),
      "at most one subnet for IPv4 and one for IPv6",
    );
  }
  const four = given.length === 0 ? [withGateway(freeSubnet(taken))] : [];
  const six = options.ipv6 && !versions.includes(true) ? [withGateway(uniqueLocal(random))] : [];
  return [...four, ...given, ...six];
}

const withGateway = (subnet: string): NetworkSubnet => ({ subnet, gateway: formatIp(addressAt(subnetOf(subnet), 1)) });

function givenSubnet(
  one: { readonly subnet: string; readonly gateway?: string },
  member: string,
  taken: Taken,
): NetworkSubnet {
  const subnet = parseSubnet(one.subnet);
  if (!subnet)
    throw invalid(
      `${member}.subnet`,
      one.subnet,
      "a subnet such as 10.9.0.0/24 or fd09::/64, without bits behind its length",
    );
  if (sizeOf(subnet) < 4) throw invalid(`${member}.subnet`, one.subnet, "a subnet of at least 4 addresses");
  refuseTaken(subnet, one.subnet, `${member}.subnet`, taken);
  if (one.gateway === undefined) return withGateway(one.subnet);
  const gateway = parseIp(one.gateway);
  const index = gateway && indexOf(subnet, gateway);
  if (!gateway || index === undefined || index < 1 || index > lastUsable(subnet)) {
    throw invalid(`${member}.gateway`, one.gateway, `an address of ${one.subnet}`);
  }
  return { subnet: one.subnet, gateway: formatIp(gateway) };
}

function refuseTaken(subnet: IpPrefix, text: string, member: string, taken: Taken): void {
  const network = taken.networks.find(({ subnets }) => subnets.some((one) => overlap(subnetOf(one.subnet), subnet)));
  if (network) throw invalid(member, text, `a subnet that shares no address with the network ${network.name}`);
  const route = taken.routes.find((one) => one.to.length > 0 && overlap(one.to, subnet));
  if (!route) return;
  const to = `${formatIp(route.to.address)}/${route.to.length}`;
  throw invalid(
    member,
    text,
    `a subnet that the host has no route to (it has one to ${to} by ${route.device})`,
    "see `ip route`",
  );
}

/** Pieces of 256 addresses, where neither Docker (172.17.0.0/16 and on), podman (10.88.0.0/16 and on) nor Kubernetes (10.96.0.0/12) has its own. */
const POOL = { first: 201, last: 219 } as const;

function freeSubnet(taken: Taken): string {
  for (let second = POOL.first; second <= POOL.last; second++) {
    for (let third = 0; third < 256; third++) {
      const text = `10.${second}.${third}.0/24`;
      if (isFree(subnetOf(text), taken)) return text;
    }
  }
  throw new LibctError("ERR_CT_NOT_SUPPORTED", "there is no free subnet left", { hint: "choose one: --subnet" });
}

const isFree = (subnet: IpPrefix, { networks, routes }: Taken) =>
  !networks.some(({ subnets }) => subnets.some((one) => overlap(subnetOf(one.subnet), subnet))) &&
  !routes.some(({ to }) => to.length > 0 && overlap(to, subnet));

/** fd and 40 random bits (RFC 4193): so many that a second one will not be the same. */
function uniqueLocal(random: () => number): string {
  const group = () => Math.floor(random() * 0x10000).toString(16);
  return `fd${Math.floor(random() * 256)
    .toString(16)
    .padStart(2, "0")}:${group()}:${group()}:1::/64`.replace(/:0+(?=[\da-f])/g, ":");
}

/** The subnet of a version, if it has one. */
export const subnetFor = ({ subnets }: Network, version: 4 | 6): NetworkSubnet | undefined =>
  subnets.find(({ subnet }) => isIpv6(subnetOf(subnet)) === (version === 6));
