import { renameSync, rmSync } from "node:fs";
import { randomHex } from "../../linux/index.ts";
import { isAbsent } from "./files.ts";
import type { LayerWorker } from "./layers.ts";

/** Removes a container's own layer; a half-removed one is never seen. */
export async function removeContainer(directory: string, { remove }: Pick<LayerWorker, "remove">): Promise<void> {
  const slash = directory.lastIndexOf("/");
  const doomed = `${directory.slice(0, slash)}/~${randomHex(8)}`;
  try {
    renameSync(directory, doomed);
  } catch (error) {
    if (isAbsent(error)) return;
    throw error;
  }
  await removeQuickly(doomed, remove);
}

/** Most hold files of this user alone: then nobody else is needed. */
async function removeQuickly(path: string, remove: LayerWorker["remove"]): Promise<void> {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    await remove(path);
  }
}
