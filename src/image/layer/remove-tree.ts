import { lstatSync, rmdirSync } from "node:fs";
import type { ProgramRunner } from "../../executor/index.ts";
import { removeBelow } from "./remove-below.ts";
import { openSession } from "./session.ts";
import type { LayerIds } from "./session-program.ts";

/**
 * Removes a directory with all that is in it, whoever it belongs to among `ids`: a process does it that sees nothing but the directory. Nothing happens when
 * it is not there.
 */
export async function removeTree(executor: ProgramRunner, directory: string, ids: LayerIds | undefined): Promise<void> {
  if (!isThere(directory)) return;
  try {
    await emptyTree(executor, directory, ids);
    rmdirSync(directory);
  } catch (error) {
    if (isThere(directory)) throw error;
    // Somebody else has removed it meanwhile.
  }
}

const isThere = (directory: string): boolean => lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Removes what is in a directory. */
export async function emptyTree(executor: ProgramRunner, directory: string, ids: LayerIds | undefined): Promise<void> {
  const session = await openSession(executor, directory, ids);
  try {
    await removeBelow(session, ".", { itself: false });
  } finally {
    await session.close();
  }
}
