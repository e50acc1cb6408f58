import { closeSync, constants, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { KEEPER_FILE } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import type { ProgramRunner } from "../executor/index.ts";
import { bootId, isRunning, type ProcessIdentity, parseStat, whenEnded } from "../records/index.ts";

/** Who stays to take an interface away again that was attached to a container that runs. */
export interface NicKeeper {
  readonly directory: string;
  readonly identity: ProcessIdentity;
}

const DIRECTORY = "nics";

/** By the container's first process, which no other container has, whatever it is called by now. */
export const keeperDirectory = (stateDirectory: string, { pid, startTime }: ProcessIdentity, name: string): string =>
  `${stateDirectory}/${DIRECTORY}/${pid}-${startTime}-${name}`;

export function findKeeper(stateDirectory: string, init: ProcessIdentity, name: string): NicKeeper | undefined {
  return readKeeper(keeperDirectory(stateDirectory, init, name));
}

/** What one has left who was killed. */
export const forgetKeeper = (stateDirectory: string, init: ProcessIdentity, name: string): void =>
  rmSync(keeperDirectory(stateDirectory, init, name), { recursive: true, force: true });

/** By its directory; undefined when nobody is there any more. */
export function readKeeper(directory: string): NicKeeper | undefined {
  try {
    const stat = readFileSync(`${directory}/${KEEPER_FILE.STAT}`, "utf8");
    const identity = { pid: Number.parseInt(stat, 10), startTime: parseStat(stat).startTime, bootId: bootId() };
    return isRunning(identity) ? { directory, identity } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Resolves when it has taken everything away. */
export async function stopKeeper(runner: ProgramRunner, { directory, identity }: NicKeeper): Promise<void> {
  const path = `${directory}/${KEEPER_FILE.STOP}`;
  try {
    // Without anybody who reads it this fails, where it would wait otherwise (fifo(7)).
    const stop = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(stop, "x");
    closeSync(stop);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // It has just ended, or is about to.
    if (code !== "ENXIO" && code !== "ENOENT") {
      throw new LibctError("ERR_CT_SYSCALL", `cannot write to ${path}: ${code}`, { path, errno: code, cause });
    }
  }
  await whenEnded(runner, identity);
}

/** Directories of those that were killed: of containers that have ended, or of those that run. */
function deadKeepers(stateDirectory: string, runs: boolean): readonly string[] {
  const parent = `${stateDirectory}/${DIRECTORY}`;
  return namesIn(parent)
    .filter((name) => isRunning(initOf(name)) === runs)
    .map((name) => `${parent}/${name}`)
    .filter((directory) => readKeeper(directory) === undefined);
}

/** The container runs, and has what they were to keep for it. */
export const lostKeepers = (stateDirectory: string): readonly string[] => deadKeepers(stateDirectory, true);

/** What keepers have left that were killed, of containers that have ended. */
export function forgetDeadKeepers(stateDirectory: string): readonly string[] {
  const dead = deadKeepers(stateDirectory, false);
  for (const directory of dead) rmSync(directory, { recursive: true, force: true });
  return dead;
}

function initOf(name: string): ProcessIdentity {
  const [pid, startTime] = name.split("-", 2).map(Number);
  return { pid: pid ?? 0, startTime: startTime ?? 0, bootId: bootId() };
}

function namesIn(parent: string): readonly string[] {
  try {
    return readdirSync(parent);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
