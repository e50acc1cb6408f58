import type { ProgramRunner } from "../../executor/index.ts";
import type { ImageRoot } from "./root.ts";

export const isImageRoot = (root: unknown): root is ImageRoot =>
  typeof root === "object" && root !== null && "type" in root && root.type === "image" && "directory" in root;

/** Removes what a container over an image has changed. */
export async function removeOwnLayer(
  runner: ProgramRunner,
  { directory }: Pick<ImageRoot, "directory">,
): Promise<void> {
  const [{ removeContainer }, { makeWorker }] = [await import("../../image/present.ts"), await import("./worker.ts")];
  const { readCaller } = await import("../caller.ts");
  await removeContainer(directory, makeWorker(runner, readCaller()));
}
