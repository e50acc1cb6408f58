import { existsSync, readFileSync } from "node:fs";
import { compileNetSteps } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { hostArch } from "../executor/index.ts";
import {
  BLANK_PLACE,
  heldLeases,
  leasesWithPlace,
  leasesWithUndo,
  type NetworkPlaces,
  networkNames,
  putPlace,
  RUNNING_FILE,
  undo,
} from "../net/index.ts";
import type { NetStep } from "../spec/index.ts";
import type { Surroundings } from "./resolve.ts";
import { runProgram } from "./run-program.ts";

type Known = Pick<Surroundings, "features" | "runner">;

/** A lease whose holder has gone without taking away what he had published, or his names. */
export interface Swept {
  readonly directory: string;
  readonly lease: number;
}

/** Takes that away, with the lease in hand, so that nobody gets it at the same time. */
export async function sweepNetwork(directory: string, known: Known): Promise<readonly Swept[]> {
  if (!existsSync(`${directory}/${RUNNING_FILE.LEASES}`)) return [];
  const held = heldLeases(directory);
  const named = new Set(leasesWithPlace(readFileSync(`${directory}/${RUNNING_FILE.HOSTS}`, "latin1")));
  const swept: Swept[] = [];
  for (const lease of new Set([...leasesWithUndo(directory), ...named])) {
    if (held.has(lease)) continue;
    const steps = [...undoSteps(directory, lease), ...(named.has(lease) ? [forget(directory, lease)] : [])];
    if (await runIfFree(steps, known)) swept.push({ directory, lease });
  }
  return swept;
}

export async function sweepNetworks({ networks, running }: NetworkPlaces, known: Known) {
  const swept: Swept[] = [];
  for (const name of networkNames(networks)) swept.push(...(await sweepNetwork(`${running}/${name}`, known)));
  return swept;
}

const undoSteps = (directory: string, lease: number): readonly NetStep[] => [
  { do: "lock", path: `${directory}/${RUNNING_FILE.LEASES}`, byte: lease, why: "take the address" },
  undo(directory, lease),
];

const forget = (directory: string, lease: number): NetStep =>
  putPlace(directory, lease, BLANK_PLACE, "forget the names of who was there");

/** False when somebody has taken the lease meanwhile, who has seen to it himself. */
async function runIfFree(steps: readonly NetStep[], known: Known): Promise<boolean> {
  try {
    const machine = { arch: hostArch(), features: known.features };
    await runProgram(known.runner, compileNetSteps(steps, { member: "network" }, machine));
    return true;
  } catch (error) {
    if (error instanceof LibctError && error.errno === "EAGAIN") return false;
    throw error;
  }
}
