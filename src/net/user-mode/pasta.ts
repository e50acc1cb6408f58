import { invalid } from "../../errors.ts";
import type { NicPlan, PastaNic } from "../../spec/index.ts";
import type { UserModePort } from "./published.ts";

/** What pasta answers for: a question of the container's to it is one of the host's to its own name servers. No host on the Internet has it (RFC 3927). */
export const PASTA_DNS = "169.254.1.1";

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
    sees: ["mac", "mtu", "addresses", "up"],
    nameservers: [PASTA_DNS],
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

/** The gateways of default routes are pasta's own addresses in the container's network; all other routes are made by libct. */
const gatewayWords = ({ routes = [] }: PastaNic): readonly string[] =>
  routes.flatMap(({ to, via }) => (to === "default" && via !== undefined ? ["--gateway", via] : []));

/** "127.0.0.1/8080-8089:80-89", as often as there are ports; "none" when there are none, as the default is to send on all. */
function portWords(option: string, ports: readonly UserModePort[], protocol: "tcp" | "udp"): readonly string[] {
  const mine = ports.filter((port) => port.protocol === protocol);
  if (mine.length === 0) return [option, "none"];
  return mine.flatMap(({ hostIP, hostPort, containerPort, range }) => {
    const host = hostIP === undefined ? "" : `${hostIP}/`;
    return [option, `${host}${span(hostPort, range)}:${span(containerPort, range)}`];
  });
}

const span = (first: number, range: number) => (range === 1 ? String(first) : `${first}-${first + range - 1}`);
