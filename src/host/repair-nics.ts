import { compileNetUndo, isInside, type LeftNic } from "../compile/index.ts";
import type { LibctError } from "../errors.ts";
import { hostArch } from "../executor/index.ts";
import { findLeftAttachments } from "../net/index.ts";
import type { NetStep, PlannedNic } from "../spec/index.ts";
import { forgetDeadKeepers } from "./nic-keepers.ts";
import type { Repair } from "./repair.ts";
import { returnOne, type Undoer } from "./return-nics.ts";
import { runProgram } from "./run-program.ts";

/**
 * Undoes the interfaces of a container whose monitor is known to be dead, and gives back those of the host. What was held by a lock may be somebody else's by now, who has undone it before he used
 * it. The first failure is thrown when everything was tried.
 */
export async function undoNics(plans: readonly PlannedNic[], undoer: Undoer): Promise<void> {
  const failures: LibctError[] = [];
  for (const { member, setUp, tearDown = [] } of plans) {
    const left: LeftNic = { member, tearDown: tearDown.filter((step) => !isInside(step)), ...lockOf(setUp) };
    const undone = left.lock === undefined ? undo(left, undoer) : undoIfLeft(left, undoer);
    await undone.catch((error: LibctError) => failures.push(error));
    for (const step of setUp) {
      if (step.do === "keep") await returnOne(undoer, step.path).catch((error: LibctError) => failures.push(error));
    }
  }
  const [first] = failures;
  if (first) throw first;
}

function lockOf(setUp: readonly NetStep[]): Pick<LeftNic, "lock" | "byte"> {
  const found = setUp.find((step) => step.do === "lock");
  return found?.do === "lock" ? { lock: found.path, byte: found.byte } : {};
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
