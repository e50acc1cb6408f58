import { existsSync, readFileSync, rmSync } from "node:fs";
import { basename } from "node:path";
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
  publishedLater,
  putPlace,
  RUNNING_FILE,
  undo,
  undoAt,
} from "../net/index.ts";
import { bootId, isRunning } from "../records/index.ts";
import type { NetStep } from "../spec/index.ts";
import { readKeeper } from "./nic-keepers.ts";
import type { Surroundings } from "./resolve.ts";
import { runProgram } from "./run-program.ts";

type Known = Pick<Surroundings, "features" | "runner">;

/** Nobody holds these, but containers that run have them. */
type Kept = ReadonlyMap<string, ReadonlySet<number>>;

/** A lease whose holder has gone without taking away what he had published, or his names. */
export interface Swept {
  readonly directory: string;
  readonly lease: number;
}

/** Takes that away, with the lease in hand, so that nobody gets it at the same time. */
export async function sweepNetwork(directory: string, kept: Kept, known: Known): Promise<readonly Swept[]> {
  if (!existsSync(`${directory}/${RUNNING_FILE.LEASES}`)) return [];
  const held = new Set([...heldLeases(directory), ...(kept.get(basename(directory)) ?? [])]);
  const named = new Set(leasesWithPlace(readFileSync(`${directory}/${RUNNING_FILE.HOSTS}`, "latin1")));
  const swept: Swept[] = [];
  for (const lease of new Set([...leasesWithUndo(directory), ...named])) {
    if (held.has(lease)) continue;
    const steps = [...undoSteps(directory, lease), ...(named.has(lease) ? [forget(directory, lease)] : [])];
    if (await runIfFree(steps, known)) swept.push({ directory, lease });
  }
  return [...swept, ...(await sweepPublished(directory, held, known))];
}

/** Ports that were published later, of containers that have ended, by somebody who was killed. */
async function sweepPublished(directory: string, held: ReadonlySet<number>, known: Known): Promise<readonly Swept[]> {
  const swept: Swept[] = [];
  for (const { directory: left, undo: path, pid, startTime, lease } of publishedLater(directory)) {
    if (isRunning({ pid, startTime, bootId: bootId() }) || readKeeper(left)) continue;
    // Who has the lease has taken away what was there before.
    if (held.has(lease) && existsSync(path)) continue;
    if (!held.has(lease) && !(await runIfFree([takeLease(directory, lease), undoAt(path)], known))) continue;
    rmSync(left, { recursive: true, force: true });
    swept.push({ directory, lease });
  }
  return swept;
}

export async function sweepNetworks({ networks, running }: NetworkPlaces, kept: Kept, known: Known) {
  const swept: Swept[] = [];
  for (const name of networkNames(networks)) swept.push(...(await sweepNetwork(`${running}/${name}`, kept, known)));
  return swept;
}

const undoSteps = (directory: string, lease: number): readonly NetStep[] => [
  takeLease(directory, lease),
  undo(directory, lease),
];

const takeLease = (directory: string, lease: number): NetStep => ({
  do: "lock",
  path: `${directory}/${RUNNING_FILE.LEASES}`,
  byte: lease,
  why: "take the address",
});

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
