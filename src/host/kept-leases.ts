/** Addresses of interfaces that were attached to containers which still run, whose keepers were killed: the kernel has taken back the lock, and the interface is there. */
import { readFileSync } from "node:fs";
import { KEEPER_FILE } from "../compile/index.ts";
import { findManagedNetwork, leaseOf, type NetworkPlaces } from "../net/index.ts";
import type { ContainerNetworks } from "../spec/index.ts";
import { lostKeepers } from "./nic-keepers.ts";

/** By the network. They are given to nobody before the container has ended, or has left. */
export function keptLeases(stateDirectory: string, places: NetworkPlaces): ReadonlyMap<string, Set<number>> {
  const kept = new Map<string, Set<number>>();
  for (const directory of lostKeepers(stateDirectory)) {
    for (const { name, network: of, addresses } of interfacesOf(directory)) {
      const network = findManagedNetwork(places.networks, of);
      const [address] = addresses[0]?.split("/") ?? [];
      if (!network || address === undefined) continue;
      kept.set(of, (kept.get(of) ?? new Set<number>()).add(leaseOf(network, address, `nics.${name}`)));
    }
  }
  return kept;
}

/** What it has written down; nothing when it was killed before that. */
function interfacesOf(directory: string): ContainerNetworks["interfaces"] {
  try {
    return (JSON.parse(readFileSync(`${directory}/${KEEPER_FILE.NOTE}`, "utf8")) as ContainerNetworks).interfaces;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
