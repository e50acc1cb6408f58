import { invalid } from "../../errors.ts";
import { formatIp, networkOf, parseIpPrefix } from "../../linux/index.ts";
import type { NicContext, NicDriver, NicPlan, PastaNic } from "../../spec/index.ts";
import { type UserModePort, userModePorts } from "./ports.ts";
import { userModeProgram } from "./program.ts";

/** What pasta answers for: a question of the container's to it is one of the host's to its own name servers. No host on the Internet has it (RFC 3927). */
export const PASTA_DNS = "169.254.1.1";

export const pasta = (nic: PastaNic): NicDriver => ({
  type: "pasta",
  async plan({ name, ports, privileged }: NicContext): Promise<NicPlan> {
    const program = userModeProgram("pasta", nic.program, `nics.${name}`);
    return planPasta(nic, { name, program, root: privileged, ports: await userModePorts(ports) });
  },
});

export interface PastaSurroundings {
  /** Its name in the container. */
  readonly name: string;
  /** Absolute path of pasta. */
  readonly program: string;
  /** Whoever starts pasta is root: it would become nobody otherwise, who has no rights over the container's network. */
  readonly root: boolean;
  readonly ports: readonly UserModePort[];
}

/**
 * The command line of passt(1) in its mode pasta. Nothing is shared that was not asked for: by default pasta would send on all ports that are listened on, in both
 * directions, also those of the host's loopback, and show the host under the gateway's address.
 */
export function planPasta(nic: PastaNic, { name, program, root, ports }: PastaSurroundings): NicPlan {
  const args = [
    "--config-net",
    ...["--ns-ifname", name],
    ...(root ? ["--runas", "0:0"] : []),
    ...(nic.device === undefined ? [] : ["--interface", nic.device]),
    ...(nic.mac === undefined ? [] : ["--ns-mac-addr", nic.mac]),
    ...(nic.mtu === undefined ? [] : ["--mtu", String(nic.mtu)]),
    ...addressWords(nic, name),
    ...gatewayWords(nic),
    ...(nic.hostLoopback ? [] : ["--no-map-gw"]),
    ...["--dns-forward", PASTA_DNS],
    ...portWords("--tcp-ports", ports, "tcp"),
    ...portWords("--udp-ports", ports, "udp"),
    ...["--tcp-ns", "none", "--udp-ns", "none"],
    ...(nic.args ?? []),
    ...["--no-netns-quit", "--netns-only", "--netns"],
  ];
  return {
    setUp: [
      {
        do: "process",
        args: [program, ...args, { path: "network" }],
        ready: "exits",
        why: `connect ${name} to the host by pasta`,
      },
    ],
    sees: ["mac", "mtu", "addresses", "up", "defaultRoute"],
  };
}

const isIpv6 = (address: string) => address.includes(":");

/** pasta translates for one address of each family; a second one would be silent. */
function addressWords({ addresses = [] }: PastaNic, name: string): readonly string[] {
  for (const ipv6 of [false, true]) {
    const same = addresses.filter((address) => isIpv6(address) === ipv6);
    if (same.length < 2) continue;
    const expected = "one IPv4 and one IPv6 address at most, as pasta sends on for no more";
    throw invalid(`nics.${name}.addresses`, same[1], expected);
  }
  return addresses.flatMap((one) => {
    const [address = "", length = ""] = one.split("/");
    return ["--address", address, ...(isIpv6(address) ? [] : ["--netmask", length])];
  });
}

/**
 * The gateways of default routes are pasta's own addresses in the container's network; all other routes are made by libct. With an IPv4 address of one's own the
 * host's gateway would mostly be outside of its network.
 */
function gatewayWords({ addresses = [], routes = [] }: PastaNic): readonly string[] {
  const given = routes.flatMap(({ to, via }) => (to === "default" && via !== undefined ? [via] : []));
  const own = addresses.find((address) => !isIpv6(address));
  const first = own === undefined || given.some((via) => !isIpv6(via)) ? undefined : firstOther(own);
  return [...given, ...(first === undefined ? [] : [first])].flatMap((via) => ["--gateway", via]);
}

/** The first address of a network, or the second for who has the first. */
function firstOther(address: string): string | undefined {
  const prefix = parseIpPrefix(address);
  if (!prefix || prefix.length > 30) return undefined;
  const [gateway, second] = [1, 2].map((host) => {
    const bytes = networkOf(prefix).slice();
    bytes[3] = (bytes[3] ?? 0) + host;
    return formatIp(bytes);
  });
  return gateway === formatIp(prefix.address) ? second : gateway;
}

/** "127.0.0.1/8080-8089:80-89", as often as there are ports; "none" when there are none, as the default is to send on all. */
export function portWords(option: string, ports: readonly UserModePort[], protocol: "tcp" | "udp"): readonly string[] {
  const mine = ports.filter((port) => port.protocol === protocol);
  if (mine.length === 0) return [option, "none"];
  return mine.flatMap(({ hostIP, hostPort, containerPort, range }) => {
    const host = hostIP === undefined ? "" : `${hostIP}/`;
    return [option, `${host}${span(hostPort, range)}:${span(containerPort, range)}`];
  });
}

const span = (first: number, range: number) => (range === 1 ? String(first) : `${first}-${first + range - 1}`);
