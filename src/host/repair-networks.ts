import { networkPlaces } from "../net/index.ts";
import { keptLeases } from "./kept-leases.ts";
import type { Repair } from "./repair.ts";
import type { Surroundings } from "./resolve.ts";
import { sweepNetworks } from "./sweep-networks.ts";

/** Takes away the published ports and names of those whose monitor was killed. The lease itself is free since then: the kernel sees to that. */
export async function repairNetworks(surroundings: Surroundings): Promise<readonly Repair[]> {
  const { caller, givenDirectory } = surroundings;
  const holders = caller.privileged ? [] : await (await import("./net-holder.ts")).repairHolders(surroundings);
  const places = networkPlaces(caller.uid, givenDirectory);
  const kept = keptLeases(await surroundings.stateDirectory(), places);
  const swept = await sweepNetworks(places, kept, surroundings);
  return [
    ...holders.map((path): Repair => ({ what: "network", path })),
    ...swept.map(({ directory, lease }): Repair => ({ what: "lease", path: `${directory} ${lease}` })),
  ];
}
