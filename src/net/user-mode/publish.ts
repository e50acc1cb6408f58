import { invalid } from "../../errors.ts";
import {
  AF,
  addRoute,
  addRule,
  changeLink,
  deleteRule,
  E,
  IPPROTO,
  parseIp,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  type Rule,
} from "../../linux/index.ts";
import type { NetStep, NetValue, PublishedPort } from "../../spec/index.ts";
import { indexOf, request } from "../request.ts";
import { giveAddress } from "../settle.ts";
import { portWords } from "./pasta.ts";
import { type UserModePort, userModePorts } from "./ports.ts";
import { userModeProgram } from "./program.ts";

/** Ports that one pasta publishes: by an interface of its own, with a table of routes of its own. */
export interface PublishedByPasta {
  readonly setUp: readonly NetStep[];
  /** What does not go with the interface. */
  readonly tearDown: readonly NetStep[];
}

/** The interface by which connections to published ports come in. */
export const portsInterface = (number: number): string => `ports${number}`;

/** More would not have addresses. */
export const MOST_INTERFACES = 64;
const TABLE = 7767;

/** How packets of a version of IP go. */
interface Way {
  readonly family: number;
  readonly own: string;
  readonly gateway: string;
  readonly length: number;
}

/** Nobody else sees the addresses (RFC 3927, RFC 4193). */
const wayOf = (ipv6: boolean, number: number): Way =>
  ipv6
    ? { family: AF.INET6, own: `fd63:7400:${number}::2`, gateway: `fd63:7400:${number}::1`, length: 64 }
    : { family: AF.INET, own: `169.254.2.${4 * number + 2}`, gateway: `169.254.2.${4 * number + 1}`, length: 30 };

/**
 * Published ports of a container on an ordinary user's networks: a pasta of its own listens on the host, so that connections keep the address that they come from.
 * They come in by an interface beside that of the network, and the answers must leave by it: those from its address, and datagrams from a published port, whose
 * address the kernel chooses by the route. A port is one of IPv6 where its address is: many programs listen by IPv4 alone, and pasta takes every connection before it
 * asks them, so that a client would not go on to the other address. `number` tells the interface from others of the container.
 */
export const publishByPasta = async (ports: readonly PublishedPort[], number = 0): Promise<PublishedByPasta> =>
  planPublished(userModeProgram("pasta", undefined, "ports"), await userModePorts(ports), number);

export function planPublished(program: string, whole: readonly UserModePort[], number: number): PublishedByPasta {
  refuseTwice(whole);
  const ways = [false, true]
    .filter((ipv6) => whole.some((one) => isIpv6(one) === ipv6))
    .map((six) => wayOf(six, number));
  const rules = ways.flatMap((way) => rulesOf(way, whole, TABLE + number));
  return {
    setUp: [listen(program, whole, ways, portsInterface(number)), ...answer(ways, rules, number)],
    tearDown: rules.map((rule) =>
      request("container", deleteRule(rule), "remove the rule of a published port", [E.ENOENT]),
    ),
  };
}

const isIpv6 = ({ hostIP }: Pick<UserModePort, "hostIP">): boolean => hostIP?.includes(":") ?? false;

function refuseTwice(ports: readonly UserModePort[]): void {
  const seen = new Set<string>();
  for (const [index, { hostIP = "", hostPort, protocol, range }] of ports.entries())
    for (let port = hostPort; port < hostPort + range; port++) {
      const key = `${hostIP} ${port}/${protocol}`;
      if (seen.has(key)) throw invalid(`ports[${index}]`, `${port}/${protocol}`, "each port of the host only once");
      seen.add(key);
    }
}

function listen(program: string, ports: readonly UserModePort[], ways: readonly Way[], name: string): NetStep {
  const [only, other] = ways;
  // Without an address it would be both.
  const said = ports.map((port) => (other ? { ...port, hostIP: port.hostIP ?? "0.0.0.0" } : port));
  return {
    do: "process",
    args: [
      program,
      ...(other ? [] : [only?.family === AF.INET6 ? "--ipv6-only" : "--ipv4-only"]),
      ...["--ns-ifname", name],
      ...ways.flatMap(({ family, own, gateway, length }) => [
        ...["--address", own, "--gateway", gateway],
        ...(family === AF.INET ? ["--netmask", String(length)] : []),
      ]),
      // It is no way out.
      ...["--no-map-gw", "--no-ra"],
      ...portWords("--tcp-ports", said, "tcp"),
      ...portWords("--udp-ports", said, "udp"),
      ...["--tcp-ns", "none", "--udp-ns", "none", "--no-netns-quit", "--netns-only", "--netns"],
      { path: "network" },
    ],
    ready: "exits",
    why: "publish the ports by pasta",
  };
}

const bytes = (address: string): Uint8Array => {
  const parsed = parseIp(address);
  if (!parsed) throw new RangeError(`no address: ${address}`);
  return parsed;
};

function rulesOf({ family, own }: Way, ports: readonly UserModePort[], table: number): readonly Rule[] {
  const datagrams = ports.filter((port) => port.protocol === "udp" && isIpv6(port) === (family === AF.INET6));
  return [
    { family, table, priority: 101, from: bytes(own) },
    ...datagrams.map(({ containerPort, range }): Rule => {
      const sourcePorts = [containerPort, containerPort + range - 1] as const;
      return { family, table, priority: 102, protocol: IPPROTO.UDP, sourcePorts };
    }),
  ];
}

/**
 * Versions of pasta of 2023 take the address that packets come from for the container's, also the unspecified one, from which a new interface asks whether its address is
 * another's (RFC 4862, 5.4.2), and send connections there. So its address on the link is given, and not looked for.
 */
function quietIpv6(name: string): readonly NetStep[] {
  const set = (parameter: string, value: string): NetStep => ({
    do: "sysctl",
    place: "container",
    key: `net/ipv6/conf/${name}/${parameter}`,
    value,
    why: `set ${parameter}`,
  });
  return [set("accept_ra", "0"), set("addr_gen_mode", "1"), giveAddress("container", name, "fe80::2/64")];
}

function answer(ways: readonly Way[], rules: readonly Rule[], number: number): readonly NetStep[] {
  const name = portsInterface(number);
  const index = indexOf(name, "container");
  const why = "let the answers go back where the connections came in";
  const route = ({ family, gateway }: Way) =>
    addRoute<NetValue>({
      family,
      prefixLength: 0,
      via: bytes(gateway),
      index,
      table: TABLE + number,
      scope: RT_SCOPE_UNIVERSE,
    });
  // What is near is reached as without published ports.
  const near = ways.map(
    ({ family }): Rule => ({ family, table: RT_TABLE_MAIN, priority: 100, suppressPrefixLength: 0 }),
  );
  return [
    ...(ways.some(({ family }) => family === AF.INET6) ? quietIpv6(name) : []),
    ...ways.map(({ own, length }) => giveAddress("container", name, `${own}/${length}`)),
    request("container", changeLink<NetValue>({ index, up: true }), "set it up"),
    ...ways.map((way) => request("container", route(way), why)),
    // Somebody who was killed may have left one.
    ...[...near, ...rules].map((rule) => request("container", addRule(rule), why, [E.EEXIST])),
  ];
}
