import { layerTree, readImage, requireImage, type TreeChange } from "../../image/index.ts";
import { changesOf } from "./changes.ts";
import { type Committed, requireImageRoot, requireUpper } from "./commit.ts";
import type { ImagesContext } from "./context.ts";

export async function* differences(
  context: ImagesContext,
  what: string | Pick<Committed, "name" | "spec">,
): AsyncGenerator<TreeChange> {
  const { store } = context;
  const worker = await context.worker();
  if (typeof what !== "string") {
    const root = requireImageRoot(what);
    yield* changesOf(store, readImage(store, root.image) ?? { layers: [] }, worker.pack(requireUpper(root), {}));
    return;
  }
  const { image } = requireImage(store, what);
  const top = image.layers.at(-1);
  if (!top) return;
  yield* changesOf(store, { layers: image.layers.slice(0, -1) }, worker.pack(layerTree(store, top.diffId), {}));
}
