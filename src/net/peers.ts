import type { ProgramRunner } from "../executor/index.ts";
import { decodeLink, decodeNamespaceId, getLinks, getNamespaceId } from "../linux/index.ts";
import { askKernel } from "./look.ts";
import type { NetworkPaths } from "./network-state.ts";

/**
 * The indexes of the host's interfaces whose other side is in the network namespace of a process. That an interface there names one of the host's says nothing: who is
 * strong there makes pairs with any indexes.
 */
export async function peersIn(
  runner: ProgramRunner,
  pid: number,
  host: NetworkPaths = {},
): Promise<ReadonlySet<number>> {
  const messages = await askKernel(runner, { ...host, single: [getNamespaceId(pid)], dumps: [getLinks()] }, "network");
  const id = messages.map(decodeNamespaceId).find((one) => one !== undefined);
  if (id === undefined) return new Set();
  const links = messages.flatMap((message) => decodeLink(message) ?? []);
  return new Set(links.filter(({ linkNamespace }) => linkNamespace === id).map(({ index }) => index));
}
