/** What must be there before a container can join a network: made by whoever needs it first, and found by all others. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { changeLink, createLink, E, parseIpPrefix } from "../../linux/index.ts";
import type { NetStep, NetValue } from "../../spec/index.ts";
import { hasIpv6 } from "../ipv6.ts";
import { indexOf, request } from "../request.ts";
import { giveAddress } from "../settle.ts";
import { joinBatch, knownRequest } from "./elements.ts";
import { isDualStack, placeOf } from "./lease.ts";
import type { Network } from "./network.ts";
import { tableBatch } from "./rules.ts";
import { subnetOf } from "./subnet.ts";

/**
 * Steps that change nothing where everything is as it should be. Without `all` the table of rules is taken to be there; ENOENT when it is not. With it others' networks
 * that are there are told again, as somebody may have removed the table with all that it said of them.
 */
export function makeNetwork(
  network: Network,
  all: boolean,
  others: () => readonly Network[] = () => [],
): readonly NetStep[] {
  const known = all ? [makeTable(network), ...others().filter(isMade).map(tellRules)] : [];
  return [...makeBridge(network, all), ...parameters(network), ...known, tellRules(network)];
}

/** The table came with the first bridge, and goes with nobody but somebody else: mostly nothing has to be said of it. */
export const isMade = ({ bridge }: Network): boolean => parameterOf(`ipv4/conf/${bridge}/forwarding`) !== undefined;

/**
 * By its MAC address a bridge is known to be the network's: two state directories may have networks whose bridges have the same name. It is one of its own in any case:
 * else it has the lowest one of its ports, another one each time somebody comes or goes.
 */
function macOf({ name, created, subnets }: Network): Uint8Array {
  const place = placeOf(`${name} ${created} ${subnets.map(({ subnet }) => subnet).join(" ")}`, 2 ** 32);
  return Uint8Array.of(0x02, 0x63, place >>> 24, (place >> 16) & 0xff, (place >> 8) & 0xff, place & 0xff);
}

/** Before anything is done to the bridge, and before what the rules say of its name is changed. */
export const recognizeBridge = (network: Network): NetStep => ({
  do: "recognize",
  place: "host",
  name: network.bridge,
  mac: macOf(network),
  why: `the interface ${network.bridge} is not the bridge of this network ${network.name}`,
});

/** `mayBeNew`: nobody has seen it yet, and somebody else may make one of that name in this moment. */
function makeBridge(network: Network, mayBeNew: boolean): readonly NetStep[] {
  const { bridge, mtu, subnets } = network;
  const mac = macOf(network);
  const link = createLink<NetValue>({ name: bridge, kind: "bridge", mac, ...(mtu === undefined ? {} : { mtu }) });
  const index = indexOf(bridge, "host");
  const make = request("host", link, `make the bridge ${bridge}`, [E.EEXIST]);
  return [
    ...(mayBeNew ? [make, recognizeBridge(network)] : [recognizeBridge(network), make]),
    ...subnets.map(({ subnet, gateway }) => {
      const step = giveAddress("host", bridge, `${gateway}/${parseIpPrefix(subnet)?.length}`);
      return step.do === "request" ? { ...step, tolerate: [E.EEXIST] } : step;
    }),
    request("host", changeLink<NetValue>({ index, up: true }), `set the bridge ${bridge} up`),
  ];
}

const makeTable = (network: Network): NetStep => ({
  do: "nftables",
  unless: knownRequest(network),
  batch: tableBatch(),
  tolerate: [E.EEXIST],
  why: "make libct's table of rules",
});

const tellRules = (network: Network): NetStep => ({
  do: "nftables",
  batch: joinBatch(network),
  why: `tell the rules of the network ${network.name}`,
});

interface Parameter {
  readonly path: string;
  readonly value: string;
  readonly why: string;
}

/** Only what is not so already: others may have changed it on purpose, and it is the whole machine's. */
const setMissing = (wanted: readonly Parameter[]): readonly NetStep[] =>
  wanted.flatMap(({ path, value, why }): NetStep[] =>
    parameterOf(path) === value ? [] : [{ do: "sysctl", place: "host", key: `net/${path}`, value, why }],
  );

const parameters = (network: Network): readonly NetStep[] =>
  setMissing([
    // A container must not be able to tell the host where to send its packets.
    ...(hasIpv6()
      ? [{ path: `ipv6/conf/${network.bridge}/accept_ra`, value: "0", why: "take no routes from containers" }]
      : []),
    ...(network.internal ? [] : forwarding(network)),
  ]);

/** Packets from 127.0.0.1 leave by the bridge, and their answers come in there (ip-sysctl, route_localnet): only where a port is published. */
export const loopbackToPorts = ({ bridge, subnets }: Network): readonly NetStep[] =>
  subnets.some(({ subnet }) => subnetOf(subnet).address.length === 4)
    ? setMissing([
        { path: `ipv4/conf/${bridge}/route_localnet`, value: "1", why: "let 127.0.0.1 reach published ports" },
      ])
    : [];

export const forwarding = (network: Network): readonly Parameter[] => [
  { path: "ipv4/ip_forward", value: "1", why: "let packets pass from one interface to another" },
  ...(isDualStack(network)
    ? [{ path: "ipv6/conf/all/forwarding", value: "1", why: "let packets of IPv6 pass from one interface to another" }]
    : []),
];

/** Longer than any of those that are asked for. */
const parameter = Buffer.alloc(64);

/** Undefined when it is not there, as of a bridge that is still to be made. Every start asks for several: readFileSync takes three times as long for such a file. */
export function parameterOf(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(`/proc/sys/net/${path}`, constants.O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return parameter.toString("latin1", 0, readSync(file, parameter, 0, parameter.length, null)).trim();
  } finally {
    closeSync(file);
  }
}
