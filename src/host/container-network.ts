import type { Zygote } from "../executor/index.ts";
import {
  lookAtNetwork,
  type NetworkInterface,
  type NetworkNeighbour,
  type NetworkRoute,
  peersIn,
} from "../net/index.ts";
import { NAMESPACE_FILES, type NamespaceType } from "../spec/index.ts";
import { chooseNamespaces, type RunningContainer, withTarget } from "./running-container.ts";

/** An interface of a container. */
export interface ContainerInterface extends NetworkInterface {
  /** Of a pair: the other side, when it is on the host. */
  readonly peer?: NetworkInterface;
}

/** The network of a container as it is now. */
export interface ContainerNetwork {
  readonly interfaces: readonly ContainerInterface[];
  readonly routes: readonly NetworkRoute[];
  readonly neighbours: readonly NetworkNeighbour[];
}

/** Looks into the network namespace of a container. */
export async function lookInto(
  zygote: Zygote,
  container: RunningContainer,
  privileged: boolean,
): Promise<ContainerNetwork> {
  return await withTarget(container, async (target) => {
    const path = (type: NamespaceType) => `/proc/${target.path}/ns/${NAMESPACE_FILES[type]}`;
    const own = chooseNamespaces(container.spec, undefined, target);
    const inside = await lookAtNetwork(zygote, {
      ...(own.has("network") ? { network: path("network") } : {}),
      // Who has no privileges gets the right to go there in the container's user namespace.
      ...(own.has("user") && own.has("network") && !privileged ? { user: path("user") } : {}),
    });
    const pairs = inside.interfaces.some(({ kind }) => kind === "veth");
    const peers = pairs ? await peersIn(zygote, container.init.pid) : new Set();
    const outside = peers.size > 0 ? (await lookAtNetwork(zygote)).interfaces : [];
    const theirs = outside.filter(({ index }) => peers.has(index));
    return { ...inside, interfaces: inside.interfaces.map((one) => withPeer(one, theirs)) };
  });
}

/** `outside`: those of the host whose other side is in the container. */
function withPeer(one: NetworkInterface, outside: readonly NetworkInterface[]): ContainerInterface {
  const peer = outside.find(({ index, link, kind }) => kind === "veth" && index === one.link && link === one.index);
  return one.kind === "veth" && peer ? { ...one, peer } : one;
}
