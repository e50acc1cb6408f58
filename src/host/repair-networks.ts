import { networkPlaces } from "../net/index.ts";
import type { Repair } from "./repair.ts";
import type { Surroundings } from "./resolve.ts";
import { sweepNetworks } from "./sweep-networks.ts";

/** Takes away the published ports and names of those whose monitor was killed. The lease itself is free since then: the kernel sees to that. */
export async function repairNetworks({
  caller,
  runner,
  stateDirectory,
}: Pick<Surroundings, "caller" | "runner" | "stateDirectory">): Promise<readonly Repair[]> {
  const swept = await sweepNetworks(networkPlaces(caller.uid, stateDirectory), runner);
  return swept.map(({ directory, lease }): Repair => ({ what: "lease", path: `${directory} ${lease}` }));
}
