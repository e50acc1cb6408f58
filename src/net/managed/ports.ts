/** Published ports: what the host sends on to a container. */
import { invalid } from "../../errors.ts";
import { formatIp, parseIp } from "../../linux/index.ts";
import { type Change, encodeBatch, type Verb } from "../../linux/nftables/index.ts";
import type { PublishedPort } from "../../spec/index.ts";
import { FAMILY, type SetName, TABLE } from "./rules.ts";

/** IPPROTO_* */
const PROTOCOL = { tcp: 6, udp: 17, sctp: 132 } as const;

export interface OnePort {
  readonly protocol: keyof typeof PROTOCOL;
  /** On the host: undefined for every address of the version of `to`. */
  readonly address: Uint8Array | undefined;
  readonly hostPort: number;
  readonly to: Uint8Array;
  readonly containerPort: number;
  /** Which one of what was asked for it belongs to. */
  readonly index: number;
}

/** Each is held by a few operations of the container's program, which has room for so many besides all else. */
export const MOST_PORTS = 500;

/**
 * Each single port of what is published, for each address that the container has. `chosen` gives the host's port where it was not said, by the position in
 * `ports`.
 */
export function singlePorts(
  ports: readonly PublishedPort[],
  addresses: readonly Uint8Array[],
  chosen: (index: number) => number,
): readonly OnePort[] {
  const all = ports.flatMap((port, index) => spread(port, index, addresses, port.hostPort ?? chosen(index)));
  if (all.length > MOST_PORTS) throw invalid("ports", all.length, `at most ${MOST_PORTS} ports in all`);
  const keys = new Set<string>();
  for (const one of all) {
    const key = `${one.protocol} ${one.address ?? one.to.length} ${one.hostPort}`;
    if (keys.has(key)) throw invalid("ports", `${one.hostPort}/${one.protocol}`, "each port of the host only once");
    keys.add(key);
  }
  return all;
}

function spread(
  port: PublishedPort,
  index: number,
  addresses: readonly Uint8Array[],
  first: number,
): readonly OnePort[] {
  const { containerPort, protocol = "tcp", range = 1 } = port;
  const member = `ports[${index}].hostIP`;
  const given = port.hostIP === undefined ? undefined : hostAddress(port.hostIP, member);
  const address = given?.every((byte) => byte === 0) ? undefined : given;
  const targets = addresses.filter((to) => given === undefined || to.length === given.length);
  if (targets.length === 0) {
    throw invalid(member, port.hostIP, "an address of a version of IP that the container's network has");
  }
  if (given && formatIp(given) === "::1") {
    const expected = "another address of the host's, as the kernel lets no packet from ::1 leave the loopback";
    throw invalid(member, port.hostIP, expected, "127.0.0.1 leads to published ports");
  }
  return targets.flatMap((to) =>
    Array.from({ length: range }, (_, step) => ({
      protocol,
      address,
      hostPort: first + step,
      to,
      containerPort: containerPort + step,
      index,
    })),
  );
}

function hostAddress(text: string, member: string): Uint8Array {
  const address = parseIp(text);
  if (!address) throw invalid(member, text, "an address of the host's, such as 127.0.0.1");
  return address;
}

const two = (port: number) => [port >> 8, port & 0xff] as const;

/** What a map has of a port: a key, and what the traffic is sent on to. In registers each part begins at a multiple of four bytes. */
const elementOf = ({ protocol, address, hostPort, to, containerPort }: OnePort) => ({
  set: `${address ? "at" : "ports"}${to.length === 16 ? 6 : 4}` as SetName,
  key: Uint8Array.from([...(address ?? []), PROTOCOL[protocol], 0, 0, 0, ...two(hostPort), 0, 0]),
  data: Uint8Array.from([...to, ...two(containerPort), 0, 0]),
});

/** Elements in one message: an attribute's length has 16 bits. */
const MOST_IN_MESSAGE = 400;

function changes(verb: Verb, ports: readonly OnePort[]): readonly Change[] {
  const sets = new Map<SetName, { readonly key: Uint8Array; readonly data: Uint8Array }[]>();
  for (const { set, key, data } of ports.map(elementOf)) sets.set(set, [...(sets.get(set) ?? []), { key, data }]);
  return [...sets].flatMap(([set, elements]) =>
    pieces(elements, MOST_IN_MESSAGE).map(
      (piece): Change => ({
        verb,
        kind: "elements",
        family: FAMILY,
        table: TABLE,
        set,
        elements: piece.map(({ key, data }) => ({ key: { value: key }, data: { value: data } })),
      }),
    ),
  );
}

const pieces = <T>(all: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, index) => all.slice(index * size, (index + 1) * size));

/** Refused with EEXIST when somebody else has published one of them. */
export const publishBatch = (ports: readonly OnePort[]): Uint8Array => encodeBatch(changes("create", ports));

/**
 * Takes them away whatever is there of them: each is added before it is removed, which changes nothing when it is there, and is refused when somebody else has
 * that port by now. So this can be done at any time, and more than once.
 */
export const withdrawBatch = (ports: readonly OnePort[]): Uint8Array =>
  encodeBatch([...changes("add", ports), ...changes("delete", ports)]);
