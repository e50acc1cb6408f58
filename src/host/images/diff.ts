import { compareLayers, layerTree, readImage, requireImage, type TreeChange } from "../../image/index.ts";
import { changesOf } from "./changes.ts";
import { type Changed, requireImageRoot, requireUpper } from "./commit.ts";
import type { ImagesContext } from "./context.ts";
import { treesOf } from "./export.ts";

export async function* differences(context: ImagesContext, what: string | Changed): AsyncGenerator<TreeChange> {
  const { store } = context;
  const worker = await context.worker();
  if (typeof what !== "string") {
    const root = requireImageRoot(what);
    yield* changesOf(store, readImage(store, root.image) ?? { layers: [] }, worker.pack(requireUpper(what, root), {}));
    return;
  }
  const { image } = requireImage(store, what);
  const top = image.layers.at(-1);
  if (!top) return;
  yield* changesOf(store, { layers: image.layers.slice(0, -1) }, worker.pack(layerTree(store, top.diffId), {}));
}

/** What leads from one image to another. */
export async function* differencesBetween(
  context: ImagesContext,
  before: string,
  after: string,
): AsyncGenerator<TreeChange> {
  const [one, other] = [before, after].map((name) => treesOf(context, requireImage(context.store, name).image));
  const { layerIds } = await import("./worker.ts");
  const options = { executor: context.store.runner, ids: layerIds(context.caller) };
  yield* compareLayers(one ?? [], other ?? [], options);
}
