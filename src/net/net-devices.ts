import { invalid } from "../errors.ts";
import type { ProgramRunner } from "../executor/index.ts";
import {
  addAddress,
  changeLink,
  decodeAddress,
  decodeLink,
  getAddresses,
  getLink,
  type LinkAddress,
  type NetlinkMessage,
} from "../linux/index.ts";
import type { ContainerSpec, NetStep, NetValue, PlannedNic } from "../spec/index.ts";
import { keptAddresses } from "./kept-addresses.ts";
import { askKernel } from "./look.ts";
import { indexOf, namespaceOf, request } from "./request.ts";

/** Looks at the interfaces that are to go into a container (netDevices): only what has been told before can be given to them again. */
export async function planNetDevices(
  netDevices: NonNullable<ContainerSpec["netDevices"]>,
  runner: ProgramRunner,
): Promise<readonly PlannedNic[]> {
  const names = Object.keys(netDevices);
  if (names.length === 0) return [];
  const messages = await askKernel(runner, { single: names.map(getLink), dumps: [getAddresses()] }, "netDevices");
  return names.map((name, number) => planDevice(name, netDevices[name]?.name ?? name, messages, number));
}

/** A name for an interface that the kernel has not given a number yet: by this it is found in the container's namespace. */
const landing = (number: number) => `ct-landing${number}`;

function planDevice(name: string, newName: string, messages: readonly NetlinkMessage[], number: number): PlannedNic {
  const link = messages.map(decodeLink).find((one) => one?.name === name);
  const member = `netDevices.${name}`;
  if (!link) throw invalid(member, name, "an interface of the host's network namespace", "see `ip link`");
  const addresses = messages.flatMap((message) => {
    const address = decodeAddress(message);
    return address?.index === link.index ? keptAddresses(address) : [];
  });
  return moveDevice(name, newName, addresses, number);
}

/** The steps for one of them, which has this number among them. A new name that ends in "%d" leaves its own number to the kernel. */
export const moveDevice = (
  name: string,
  newName: string,
  addresses: readonly LinkAddress[],
  number = 0,
): PlannedNic => ({
  member: `netDevices.${name}`,
  setUp: newName.endsWith("%d")
    ? moveNumbered(name, newName, addresses, landing(number))
    : move(name, newName, addresses),
});

/** The kernel would rename first and complain then, when the interface is there and lost with the namespace: so it is seen before that the name is free. */
const move = (name: string, newName: string, addresses: readonly LinkAddress[]): readonly NetStep[] => [
  {
    do: "absent",
    place: "container",
    name: newName,
    why: `the container's network namespace has an interface ${newName} already`,
  },
  moveAs(name, newName),
  ...settle(newName, addresses),
];

/** Its name is known when the kernel has given it a number, and its index only by the name before. */
const moveNumbered = (
  name: string,
  template: string,
  addresses: readonly LinkAddress[],
  first: string,
): readonly NetStep[] => [moveAs(name, first), ...settle(first, addresses, template)];

/** Namespace and name in one request: there is no moment in which the name could be in somebody's way. */
const moveAs = (name: string, newName: string): NetStep =>
  request(
    "host",
    changeLink<NetValue>({ index: indexOf(name, "host"), namespace: namespaceOf("container"), name: newName }),
    `move ${name} into the container's network namespace`,
  );

/** In the container: its addresses, its name if that is the kernel's choice, and up. Its index may be another one there. */
function settle(name: string, addresses: readonly LinkAddress[], template?: string): readonly NetStep[] {
  const index = indexOf(name, "container");
  const rename =
    template === undefined
      ? []
      : [request("container", changeLink<NetValue>({ index, name: template }), `name it ${template}`)];
  return [
    ...addresses.map((address) =>
      request("container", addAddress<NetValue>({ ...address, index }), "give it the address that it had"),
    ),
    ...rename,
    request("container", changeLink<NetValue>({ index, up: true }), `set ${template ?? name} up`),
  ];
}
