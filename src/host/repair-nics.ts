import { compileNetUndo, isInside, type LeftNic } from "../compile/index.ts";
import type { LibctError } from "../errors.ts";
import { hostArch } from "../executor/index.ts";
import { findLeftAttachments } from "../net/index.ts";
import type { PlannedNic } from "../spec/index.ts";
import { forgetDeadKeepers } from "./nic-keepers.ts";
import type { Repair } from "./repair.ts";
import type { Surroundings } from "./resolve.ts";
import { runProgram } from "./run-program.ts";

type Undoer = Pick<Surroundings, "features" | "runner">;

/** Undoes the interfaces of a container whose monitor is known to be dead. The first failure is thrown when everything was tried. */
export async function undoNics(plans: readonly PlannedNic[], undoer: Undoer): Promise<void> {
  const failures: LibctError[] = [];
  for (const { member, tearDown = [] } of plans) {
    const left: LeftNic = { member, tearDown: tearDown.filter((step) => !isInside(step)) };
    await undo(left, undoer).catch((error: LibctError) => failures.push(error));
  }
  const [first] = failures;
  if (first) throw first;
}

/** Undoes what others have left: whoever still has its lock keeps it. Gives what it was. */
export async function repairNics(stateDirectory: string, undoer: Undoer): Promise<readonly Repair[]> {
  const done: Repair[] = [];
  for (const { directory, ...left } of findLeftAttachments(stateDirectory)) {
    if (await undoIfLeft(left, undoer)) done.push({ what: "network", path: directory });
  }
  for (const path of forgetDeadKeepers(stateDirectory)) done.push({ what: "network", path });
  return done;
}

async function undoIfLeft(left: LeftNic, undoer: Undoer): Promise<boolean> {
  try {
    await undo(left, undoer);
    return true;
  } catch (error) {
    const { errno, syscall } = error as LibctError;
    // It is in use, or somebody else has just removed it.
    if (errno === "EAGAIN" || (errno === "ENOENT" && syscall === "openat")) return false;
    throw error;
  }
}

const undo = (left: LeftNic, { features, runner }: Undoer): Promise<void> =>
  left.tearDown.length === 0
    ? Promise.resolve()
    : runProgram(runner, compileNetUndo(left, { arch: hostArch(), features }));
