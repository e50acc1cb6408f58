import { renameSync, rmdirSync, unlinkSync } from "node:fs";
import { randomHex } from "../../linux/index.ts";
import { PIN_FILE } from "./containers.ts";
import { isAbsent } from "./files.ts";
import type { LayerWorker } from "./layers.ts";

/** Removes a container's own layer; a half-removed one is never seen. */
export async function removeContainer(directory: string, { remove }: Pick<LayerWorker, "remove">): Promise<void> {
  if (removeUnchanged(directory)) return;
  const slash = directory.lastIndexOf("/");
  const doomed = `${directory.slice(0, slash)}/~${randomHex(8)}`;
  try {
    renameSync(directory, doomed);
  } catch (error) {
    if (isAbsent(error)) return;
    throw error;
  }
  // By a session that sees nothing else: what still runs in the container could put a link in the place of a directory that is being removed by its path.
  await remove(doomed);
}

/** One that has changed nothing is gone with a few calls. What says whose it is goes last, so that whoever is killed in between leaves one that is found. */
function removeUnchanged(directory: string): boolean {
  try {
    for (const name of ["upper", "work/work", "work"]) rmdirSync(`${directory}/${name}`);
    unlinkSync(`${directory}/${PIN_FILE}`);
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}
