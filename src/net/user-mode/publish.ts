import { invalid } from "../../errors.ts";
import {
  AF,
  addRoute,
  addRule,
  changeLink,
  IPPROTO,
  parseIp,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
} from "../../linux/index.ts";
import type { NetStep, NetValue, PlannedNic, PublishedPort } from "../../spec/index.ts";
import { indexOf, request } from "../request.ts";
import { giveAddress } from "../settle.ts";
import { portWords } from "./pasta.ts";
import { type UserModePort, userModePorts } from "./ports.ts";
import { userModeProgram } from "./program.ts";

/** The interface by which connections to published ports come in, and its table of routes. */
const NAME = "ports0";
const TABLE = 7767;
/** Nobody else sees the two (RFC 3927). */
const [OWN, GATEWAY] = ["169.254.2.2", "169.254.2.1"];
const LENGTH = 30;

/**
 * Published ports of a container on an ordinary user's networks: a pasta of its own listens on the host, so that connections keep the address that they come from.
 * They come in by an interface beside that of the network, and the answers must leave by it: those from its address, and datagrams from a published port, whose
 * address the kernel chooses by the route.
 */
export async function publishByPasta(ports: readonly PublishedPort[]): Promise<readonly PlannedNic[]> {
  const program = userModeProgram("pasta", undefined, "ports");
  const whole = await userModePorts(ports);
  whole.forEach(({ hostIP }, index) => {
    if (hostIP?.includes(":"))
      throw invalid(`ports[${index}].hostIP`, hostIP, "an IPv4 address, on networks of an ordinary user");
  });
  return [
    { member: "ports", setUp: [listen(program, whole)] },
    { member: "ports", setUp: answer(whole) },
  ];
}

const listen = (program: string, ports: readonly UserModePort[]): NetStep => ({
  do: "process",
  args: [
    program,
    ...["--ipv4-only", "--ns-ifname", NAME],
    ...["--address", OWN, "--netmask", String(LENGTH), "--gateway", GATEWAY, "--no-map-gw"],
    ...portWords("--tcp-ports", ports, "tcp"),
    ...portWords("--udp-ports", ports, "udp"),
    ...["--tcp-ns", "none", "--udp-ns", "none", "--no-netns-quit", "--netns-only", "--netns"],
    { path: "network" },
  ],
  ready: "exits",
  why: "publish the ports by pasta",
});

function answer(ports: readonly UserModePort[]): readonly NetStep[] {
  const own = parseIp(OWN);
  const via = parseIp(GATEWAY);
  if (!own || !via) throw new RangeError("no addresses");
  const rule = { family: AF.INET, table: TABLE };
  const route = addRoute<NetValue>({
    family: AF.INET,
    prefixLength: 0,
    via,
    index: indexOf(NAME, "container"),
    table: TABLE,
    scope: RT_SCOPE_UNIVERSE,
  });
  const datagrams = ports.filter(({ protocol }) => protocol === "udp");
  const why = "let the answers go back where the connections came in";
  return [
    giveAddress("container", NAME, `${OWN}/${LENGTH}`),
    request("container", changeLink<NetValue>({ index: indexOf(NAME, "container"), up: true }), "set it up"),
    request("container", route, why),
    // What is near is reached as without published ports.
    request("container", addRule({ ...rule, table: RT_TABLE_MAIN, priority: 100, suppressPrefixLength: 0 }), why),
    request("container", addRule({ ...rule, priority: 101, from: own }), why),
    ...datagrams.map(({ containerPort, range }) => {
      const sourcePorts = [containerPort, containerPort + range - 1] as const;
      return request("container", addRule({ ...rule, priority: 102, protocol: IPPROTO.UDP, sourcePorts }), why);
    }),
  ];
}
