import { invalid } from "../errors.ts";
import type { ProgramRunner } from "../executor/index.ts";
import {
  addAddress,
  addRoute,
  changeLink,
  E,
  IFF_UP,
  type LinkAddress,
  type LinkInfo,
  type RouteInfo,
  RTN,
  RTPROT_KERNEL,
} from "../linux/index.ts";
import type { HostNic, NetStep, NetValue, NicContext, NicDriver, NicPlan } from "../spec/index.ts";
import { keptAddresses } from "./kept-addresses.ts";
import { encodeKept, identityOf, ownNetwork } from "./kept-nic.ts";
import { readNetworkState } from "./network-state.ts";
import { indexOf, namespaceOf, request } from "./request.ts";

/** What a driver of an interface of the host needs besides. */
export interface HostNicContext {
  readonly runner: ProgramRunner;
  /** Where the namespaces of containers are kept whose monitor has been killed. */
  readonly kept: string;
}

/** An interface of the host as it is before it goes. */
interface Found {
  readonly link: LinkInfo;
  readonly master: string | undefined;
  readonly addresses: readonly LinkAddress[];
  readonly routes: readonly RouteInfo[];
}

/**
 * It goes into the container and comes back with its name, settings, addresses and routes. A physical one is given back by the kernel itself when its namespace
 * ends, bare of all that, but a virtual one is deleted: so the namespace is kept until the interface has left it, also when the monitor is killed.
 */
export function hostNic({ device, addresses }: HostNic, { runner, kept }: HostNicContext): NicDriver {
  return {
    type: "host",
    plan: async (context) => {
      const name = device ?? context.name;
      const found = await find(runner, name, `nics.${context.name}`);
      return plan(context, found, addresses === undefined, kept);
    },
  };
}

async function find(runner: ProgramRunner, device: string, member: string): Promise<Found> {
  const { links, addresses, routes } = await readNetworkState(runner, {}, member);
  const link = links.find(({ name }) => name === device);
  if (!link) throw invalid(member, device, "an interface of the host's network namespace", "see `ip link`");
  if (device === "lo")
    throw invalid(member, device, "another interface: each network namespace has a loopback of its own");
  return {
    link,
    master: links.find(({ index }) => index === link.master)?.name,
    addresses: addresses.filter(({ index }) => index === link.index),
    routes: routes.filter((route) => leadsThrough(route, link.index)),
  };
}

/** Those that the kernel made of addresses come with these. */
const leadsThrough = ({ index, protocol, type }: RouteInfo, link: number) =>
  index === link && protocol !== RTPROT_KERNEL && type === RTN.UNICAST;

function plan(context: NicContext, found: Found, keepsAddresses: boolean, kept: string): NicPlan {
  const { name, hostName } = context;
  const { link } = found;
  const path = `${kept}/${hostName}`;
  const back = giveBack(name, hostName, found);
  const content = encodeKept({
    device: link.name,
    name,
    hostNetwork: ownNetwork(),
    identity: identityOf(link),
    steps: back,
  });
  const why = `keep the namespace of ${link.name}`;
  return {
    setUp: [
      { do: "absent", place: "container", name, why: `the container has an interface ${name} already` },
      { do: "keep", path, content, why },
      request(
        "host",
        changeLink<NetValue>({ index: indexOf(link.name, "host"), namespace: namespaceOf("container"), name }),
        `move ${link.name} into the container`,
      ),
      { do: "remember", name, at: new TextEncoder().encode(content).length, why },
      ...(keepsAddresses
        ? found.addresses.flatMap(keptAddresses).map((address) => give(name, "container", address))
        : []),
    ],
    tearDown: [
      { do: "verify", name, why: `see that it is ${link.name} which comes back` },
      ...back,
      { do: "release", path, name, why },
    ],
    keepsNamespace: true,
  };
}

const give = (name: string, place: "container" | "host", address: LinkAddress): NetStep =>
  request(
    place,
    addAddress<NetValue>({ ...address, index: indexOf(name, place) }),
    "give it the address that it had",
    place === "host" ? GONE : [],
  );

const GONE = [E.ENODEV, E.EEXIST];

/** It arrives under a name that nobody has, so that it does arrive, and is spoken of by that until the end: nothing is done to another one that has its old name. */
function giveBack(name: string, arrival: string, { link, master, addresses, routes }: Found): readonly NetStep[] {
  const index = indexOf(arrival, "host");
  const about = (message: ReturnType<typeof changeLink<NetValue>>, why: string) =>
    request("host", message, why, [E.ENODEV, E.ENOTSUP]);
  const { mac, mtu, txQueueLength } = link;
  return [
    request(
      "container",
      changeLink<NetValue>({ index: indexOf(name, "container"), namespace: namespaceOf("host"), name: arrival }),
      `give ${link.name} back`,
      [E.ENODEV],
    ),
    ...(mac && mac.length > 0
      ? [about(changeLink<NetValue>({ index, mac }), `give ${link.name} its MAC address again`)]
      : []),
    about(
      changeLink<NetValue>({
        index,
        ...(mtu === undefined ? {} : { mtu }),
        ...(txQueueLength === undefined ? {} : { txQueueLength }),
      }),
      `give ${link.name} its settings again`,
    ),
    about(changeLink<NetValue>({ index, name: link.name }), `give ${link.name} its name again`),
    ...(master === undefined
      ? []
      : [
          about(
            changeLink<NetValue>({ index, master: indexOf(master, "host") }),
            `give ${link.name} back to ${master}`,
          ),
        ]),
    ...(link.flags & IFF_UP ? [about(changeLink<NetValue>({ index, up: true }), `set ${link.name} up again`)] : []),
    ...addresses.flatMap(keptAddresses).map((address) => give(arrival, "host", address)),
    ...routes.map((route) => restore(route, arrival, link.name)),
  ];
}

function restore({ nexthops: _, ...route }: RouteInfo, arrival: string, device: string): NetStep {
  const message = addRoute<NetValue>({ ...route, index: indexOf(arrival, "host") });
  return request("host", message, `give ${device} a route again`, GONE);
}
