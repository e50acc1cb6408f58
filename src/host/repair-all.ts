import type { RecordStore } from "../records/index.ts";
import { keptBeside } from "./kept-directory.ts";
import { type Repair, repair } from "./repair.ts";
import { repairNetworks } from "./repair-networks.ts";
import { repairNics } from "./repair-nics.ts";
import type { Surroundings } from "./resolve.ts";
import { returnNics } from "./return-nics.ts";

/** Everything that a user's containers can have left behind. The host's interfaces come first: the machine may be without its network. */
export async function repairAll(store: RecordStore, surroundings: Surroundings): Promise<readonly Repair[]> {
  const returned = await returnNics(surroundings, keptBeside(surroundings.scratch));
  return [
    ...returned.map((path): Repair => ({ what: "interface", path })),
    ...(await repair(store)),
    ...(await repairNics(await surroundings.stateDirectory(), surroundings)),
    ...(await repairNetworks(surroundings)),
  ];
}
