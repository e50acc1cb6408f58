import type { ProgramRunner } from "../executor/index.ts";
import {
  decodeAddress,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  getAddresses,
  getLinks,
  getNeighbours,
  getRoutes,
  type LinkAddress,
  type LinkInfo,
  type Neighbour,
  type NetlinkMessage,
  type RouteInfo,
} from "../linux/index.ts";
import { askKernel } from "./look.ts";

/** What the kernel tells of a network namespace. */
export interface NetworkState {
  readonly links: readonly LinkInfo[];
  readonly addresses: readonly LinkAddress[];
  readonly routes: readonly RouteInfo[];
}

/** With those on its links. */
export interface NeighbourState extends NetworkState {
  readonly neighbours: readonly Neighbour[];
}

/** The namespaces to look into, by their paths; without them the application's own. */
export interface NetworkPaths {
  readonly network?: string | undefined;
  /** Gives the right to go there. */
  readonly user?: string | undefined;
}

const DUMPS = [getLinks(), getAddresses(), getRoutes()] as const;

const stateOf = (messages: readonly NetlinkMessage[]): NetworkState => ({
  links: messages.flatMap((message) => decodeLink(message) ?? []),
  addresses: messages.flatMap((message) => decodeAddress(message) ?? []),
  routes: messages.flatMap((message) => decodeRoute(message) ?? []),
});

/** Looks into a network namespace. `member` is the one to blame. */
export const readNetworkState = async (
  runner: ProgramRunner,
  paths: NetworkPaths,
  member: string,
): Promise<NetworkState> => stateOf(await askKernel(runner, { ...paths, dumps: DUMPS }, member));

export async function readNeighbourState(
  runner: ProgramRunner,
  paths: NetworkPaths,
  member: string,
): Promise<NeighbourState> {
  const messages = await askKernel(runner, { ...paths, dumps: [...DUMPS, getNeighbours()] }, member);
  return { ...stateOf(messages), neighbours: messages.flatMap((message) => decodeNeighbour(message) ?? []) };
}
