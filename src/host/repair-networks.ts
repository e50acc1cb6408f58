import { networkPlaces } from "../net/index.ts";
import type { Repair } from "./repair.ts";
import type { Surroundings } from "./resolve.ts";
import { sweepNetworks } from "./sweep-networks.ts";

/** Takes away the published ports and names of those whose monitor was killed. The lease itself is free since then: the kernel sees to that. */
export async function repairNetworks(
  surroundings: Pick<Surroundings, "caller" | "features" | "runner" | "givenDirectory">,
): Promise<readonly Repair[]> {
  const { caller, givenDirectory } = surroundings;
  const swept = await sweepNetworks(networkPlaces(caller.uid, givenDirectory), surroundings);
  return swept.map(({ directory, lease }): Repair => ({ what: "lease", path: `${directory} ${lease}` }));
}
