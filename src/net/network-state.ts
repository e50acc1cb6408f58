import type { ProgramRunner } from "../executor/index.ts";
import {
  decodeAddress,
  decodeLink,
  decodeRoute,
  getAddresses,
  getLinks,
  getRoutes,
  type LinkAddress,
  type LinkInfo,
  type RouteInfo,
} from "../linux/index.ts";
import { askKernel } from "./look.ts";

/** What the kernel tells of a network namespace. */
export interface NetworkState {
  readonly links: readonly LinkInfo[];
  readonly addresses: readonly LinkAddress[];
  readonly routes: readonly RouteInfo[];
}

/** The namespaces to look into, by their paths; without them the application's own. */
export interface NetworkPaths {
  readonly network?: string | undefined;
  /** Gives the right to go there. */
  readonly user?: string | undefined;
}

/** Looks into a network namespace. `member` is the one to blame. */
export async function readNetworkState(
  runner: ProgramRunner,
  paths: NetworkPaths,
  member: string,
): Promise<NetworkState> {
  const messages = await askKernel(runner, { ...paths, dumps: [getLinks(), getAddresses(), getRoutes()] }, member);
  return {
    links: messages.flatMap((message) => decodeLink(message) ?? []),
    addresses: messages.flatMap((message) => decodeAddress(message) ?? []),
    routes: messages.flatMap((message) => decodeRoute(message) ?? []),
  };
}
