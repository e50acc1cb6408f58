import { mkdirSync, readFileSync, rmSync } from "node:fs";
import {
  compileHolder,
  compileVisit,
  HOLDER_FILE,
  type HolderPlace,
  type HolderPlan,
  type IdMaps,
} from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { hostArch, lock, type ProgramRunner, startExecutor } from "../executor/index.ts";
import { absolutePath, E, pause, randomHex } from "../linux/index.ts";
import { holderConnection } from "../net/index.ts";
import { encodeProgram, type Program } from "../program/index.ts";
import { automaticIdMaps } from "./idmaps.ts";
import { findLost, hasLostNetworks, holderDirectories, holderPlace } from "./lost-networks.ts";
import type { Surroundings } from "./resolve.ts";

/** The user's networks, which stay at least until they are let go of. */
export interface HolderVisit extends HolderPlace {
  /** Which of the host's ids are which there. */
  readonly idMaps: IdMaps;
  release(): void;
}

/** What a holder would be, for who only looks. */
export const plannedHolder = ({ caller, scratch }: Pick<Surroundings, "caller" | "scratch">) => ({
  directory: absolutePath(`${scratch}/../holder/new`),
  pid: 0,
  idMaps: automaticIdMaps(caller),
});

/** Finds the holder of the user's networks, or starts one. */
export async function visitHolder(surroundings: Surroundings): Promise<HolderVisit> {
  const { runner, caller, scratch } = surroundings;
  const idMaps = automaticIdMaps(caller);
  const above = holderPlace({ scratch });
  const found = await visitFound(runner, above);
  if (found) return { ...found, idMaps };
  mkdirSync(above, { recursive: true, mode: 0o700 });
  // Two that start one at the same time would have networks apart.
  const visit = await lock(runner, `${above}/lock`, async () => {
    const other = (await visitFound(runner, above)) ?? (await visitLost(surroundings, above, idMaps));
    if (other) return other;
    removeStale(above);
    const directory = `${above}/${randomHex(8)}`;
    mkdirSync(directory, { mode: 0o700 });
    try {
      await start(surroundings, { directory, idMaps });
      return await visitOne(runner, directory);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  });
  if (visit) return { ...visit, idMaps };
  throw new LibctError("ERR_CT_STATE", "the holder of the user's networks has ended at once", { path: above });
}

/** Does something while the user's networks are there. */
export async function atHolder<T>(surroundings: Surroundings, use: (holder: HolderPlace) => Promise<T>): Promise<T> {
  const { release, ...holder } = await visitHolder(surroundings);
  try {
    return await use(holder);
  } finally {
    release();
  }
}

/** As `visitHolder`, of one that is there. */
export const visitRunning = ({
  runner,
  scratch,
}: Pick<Surroundings, "runner" | "scratch">): Promise<(HolderPlace & { release(): void }) | undefined> =>
  visitFound(runner, holderPlace({ scratch }));

/** How long its monitor has for that. */
const PATIENCE = { rounds: 20, milliseconds: 50 } as const;

/** As `visitHolder`, of one that was killed while containers are on its networks: its monitor makes another one soon; where that was killed, too, this does it. */
async function visitLost(surroundings: Surroundings, above: string, idMaps: IdMaps): Promise<Visit | undefined> {
  for (const directory of holderDirectories(above)) {
    for (let round = 0; round < PATIENCE.rounds && findLost(directory); round++) await pause(PATIENCE.milliseconds);
    const lost = findLost(directory);
    if (lost) await start(surroundings, { directory, idMaps, lost });
    const visit = await visitOne(surroundings.runner, directory);
    if (visit) return visit;
  }
  return undefined;
}

/** Gives what has lost its holder a new one, and tells where that was. */
export async function repairHolders(surroundings: Surroundings): Promise<readonly string[]> {
  const above = holderPlace(surroundings);
  if (!hasLostNetworks(surroundings)) return [];
  const visit = await lock(surroundings.runner, `${above}/lock`, () =>
    visitLost(surroundings, above, automaticIdMaps(surroundings.caller)),
  );
  visit?.release();
  return visit ? [visit.directory] : [];
}

type Visit = Omit<HolderVisit, "idMaps">;

async function visitFound(runner: ProgramRunner, above: string): Promise<Visit | undefined> {
  for (const directory of holderDirectories(above)) {
    const visit = await visitOne(runner, directory);
    if (visit) return visit;
  }
  return undefined;
}

/** Under the lock, when none of them lives: what holders have left that were killed. */
function removeStale(above: string): void {
  for (const directory of holderDirectories(above)) rmSync(directory, { recursive: true, force: true });
}

/** It is the executor's process that uses the networks, so that they are let go of whatever becomes of this one. */
async function visitOne(runner: ProgramRunner, directory: string): Promise<Visit | undefined> {
  const pid = readPid(directory);
  if (pid === undefined) return undefined;
  const visit = await begin(runner, compileVisit(hostArch(), directory));
  return visit && { directory, pid, release: visit };
}

function readPid(directory: string): number | undefined {
  try {
    return Number(readFileSync(`${directory}/${HOLDER_FILE.PID}`, "utf8").trim());
  } catch {
    return undefined; // It is being made, or has gone.
  }
}

/** Errnos of a holder that has gone. */
const GONE: readonly number[] = [E.ENOENT, E.ESTALE];

function begin(runner: ProgramRunner, program: Program): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    let failed: number | undefined;
    const running = runner.run(encodeProgram(program), {
      notify: () => resolve(() => running.go(new Uint8Array(0))),
      fail: ({ errno }) => {
        failed ??= errno;
      },
      done: (error) => {
        if (error) reject(error);
        else if (failed === undefined || GONE.includes(failed)) resolve(undefined);
        else reject(new LibctError("ERR_CT_STATE", "the user's networks cannot be used", { member: "nics" }));
      },
    });
  });
}

/** By an executor of its own: the holder's monitor must be nobody's business when it stands. */
async function start(
  { features, scratch, executor }: Surroundings,
  where: Pick<HolderPlan, "directory" | "idMaps" | "lost">,
): Promise<void> {
  const connection = await holderConnection();
  const program = compileHolder({ arch: hostArch(), features, scratch, connection, ...where });
  const { zygote, ready } = await startExecutor(executor, { later: true });
  try {
    await Promise.all([ready, started(zygote, program)]);
  } finally {
    await zygote.close();
  }
}

function started(runner: ProgramRunner, program: Program): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Promise<LibctError> | undefined;
    let said: string | undefined;
    runner.run(encodeProgram(program), {
      notify: () => resolve(),
      data: (_code, bytes) => {
        said = new TextDecoder().decode(bytes);
      },
      fail: (at) => {
        failure ??= import("./failures.ts").then(({ failureError }) => failureError(program, at, undefined, said));
      },
      done: (error) => {
        if (failure) failure.then(reject, reject);
        else reject(error ?? new LibctError("ERR_CT_STATE", "the user's networks cannot be made", { member: "nics" }));
      },
    });
  });
}

/** The same maps as the holder's user namespace has them: an id of the host is the one that it maps there. */
export function belowHolder(maps: IdMaps, holder: IdMaps): IdMaps {
  const translate = (kind: "uid" | "gid") =>
    maps[kind].flatMap((map) => {
      let { containerID, hostID, size } = map;
      const parts = [];
      while (size > 0) {
        const range = holder[kind].find((one) => hostID >= one.hostID && hostID < one.hostID + one.size);
        if (!range) throw unmapped(kind, hostID);
        const most = Math.min(size, range.hostID + range.size - hostID);
        parts.push({ containerID, hostID: range.containerID + hostID - range.hostID, size: most });
        [containerID, hostID, size] = [containerID + most, hostID + most, size - most];
      }
      return parts;
    });
  return { uid: translate("uid"), gid: translate("gid"), writer: "monitor", denySetgroups: holder.denySetgroups };
}

const unmapped = (kind: "uid" | "gid", id: number) =>
  new LibctError("ERR_CT_NOT_PERMITTED", `${kind} ${id} is none that this user may map`, {
    member: `${kind}Mappings`,
    hint: "on networks of an ordinary user there are his own id and the subordinate ones of /etc/subuid and /etc/subgid",
  });
