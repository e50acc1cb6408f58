import { invalid } from "../../errors.ts";
import { formatIp, parseIpPrefix } from "../../linux/index.ts";
import type { NetQuestion, NicContext, NicDriver, NicPlan, Slirp4netnsNic } from "../../spec/index.ts";
import { type UserModePort, userModePorts } from "./ports.ts";
import { userModeProgram } from "./program.ts";

export const slirp4netns = (nic: Slirp4netnsNic): NicDriver => ({
  type: "slirp4netns",
  async plan({ name, hostName, runtime, ports }: NicContext): Promise<NicPlan> {
    const program = userModeProgram("slirp4netns", nic.program, `nics.${name}`);
    const whole = await userModePorts(ports);
    return planSlirp4netns(nic, { name, program, socket: `${runtime}/slirp-${hostName}`, ports: whole });
  },
});

export interface SlirpSurroundings {
  readonly name: string;
  /** Absolute path of slirp4netns. */
  readonly program: string;
  /** A path that nobody else uses, for its socket. */
  readonly socket: string;
  readonly ports: readonly UserModePort[];
}

const NETWORK = "10.0.2.0/24";
/** What is usual, and as much as an IPv4 packet can be: fewer packets for the same bytes. */
const MTU = 65520;
/** Where the name server and the container are in the network (slirp4netns(1)). */
const [DNS, OWN] = [3, 100];

/** The command line of slirp4netns(1), and a request for each port (its "API socket"). */
export function planSlirp4netns(nic: Slirp4netnsNic, surroundings: SlirpSurroundings): NicPlan {
  const { name, program, socket, ports } = surroundings;
  const network = nic.network ?? NETWORK;
  refuseOthers(nic, name);
  const args = [
    "--configure",
    ...["--mtu", String(nic.mtu ?? MTU), "--cidr", network],
    ...(nic.mac === undefined ? [] : ["--macaddress", nic.mac]),
    ...(nic.hostLoopback ? [] : ["--disable-host-loopback"]),
    ...(nic.ipv6 ? ["--enable-ipv6"] : []),
    ...(ports.length > 0 ? ["--api-socket", socket] : []),
    ...(nic.args ?? []),
  ];
  const last = [{ descriptor: "ready" }, "--netns-type=path", { path: "network" }, name] as const;
  const questions = forwarding(ports, networkAddress(network, name, OWN), surroundings);
  const why = `connect ${name} to the host by slirp4netns`;
  return {
    setUp: [{ do: "process", args: [program, ...args, "--ready-fd", ...last], ready: "writes", why }, ...questions],
    sees: ["mac", "mtu", "up", "defaultRoute"],
  };
}

export const slirpDns = ({ network = NETWORK }: Slirp4netnsNic, name: string): string =>
  networkAddress(network, name, DNS);

/** Its network is told as a whole. */
function refuseOthers({ addresses, routes }: Slirp4netnsNic, name: string): void {
  if (addresses?.length)
    throw invalid(`nics.${name}.addresses`, addresses[0], "none, as slirp4netns chooses it", "see `network`");
  const gateway = routes?.find(({ to }) => to === "default");
  if (gateway) throw invalid(`nics.${name}.routes`, gateway, "no default route, as slirp4netns makes it");
}

function networkAddress(network: string, name: string, host: number): string {
  const prefix = parseIpPrefix(network);
  if (prefix?.address.length !== 4 || prefix.length > 25)
    throw invalid(`nics.${name}.network`, network, 'an IPv4 network of at least 128 addresses such as "10.0.2.0/24"');
  const bytes = prefix.address.slice();
  bytes[3] = (bytes[3] ?? 0) + host;
  return formatIp(bytes);
}

function forwarding(ports: readonly UserModePort[], guest: string, { socket }: SlirpSurroundings): NetQuestion[] {
  const single = ports.flatMap((port) =>
    Array.from({ length: port.range }, (_, step) => ({
      ...port,
      hostPort: port.hostPort + step,
      containerPort: port.containerPort + step,
    })),
  );
  return single.map(({ hostIP = "0.0.0.0", hostPort, containerPort, protocol }, index): NetQuestion => {
    const where = {
      proto: protocol,
      host_addr: hostIP,
      host_port: hostPort,
      guest_addr: guest,
      guest_port: containerPort,
    };
    return {
      do: "send",
      socket,
      request: JSON.stringify({ execute: "add_hostfwd", arguments: where }),
      expected: '{"return',
      last: index === single.length - 1,
      why: `publish the port ${hostPort}/${protocol}`,
    };
  });
}
