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
  while (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    try {
      await emptyTree(executor, directory, ids);
      rmdirSync(directory);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      // Somebody else removes it, too, who was quicker with a part of it.
    }
  }
}

const isAbsent = (error: unknown): boolean => {
  const { code, errno } = error as { readonly code?: unknown; readonly errno?: unknown };
  return code === "ENOENT" || errno === "ENOENT";
};

/** Removes what is in a directory. */
export async function emptyTree(executor: ProgramRunner, directory: string, ids: LayerIds | undefined): Promise<void> {
  const session = await openSession(executor, directory, ids);
  try {
    await removeBelow(session, ".", { itself: false });
  } finally {
    await session.close();
  }
}
