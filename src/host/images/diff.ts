import { compareLayers, compareTrees, layerTree, readImage, requireImage, type TreeChange } from "../../image/index.ts";
import { type Changed, requireImageRoot } from "./changed.ts";
import { changesOf } from "./changes.ts";
import type { ImagesContext } from "./context.ts";
import { treesOf } from "./export.ts";
import { changesAsLayer, plainTrees } from "./plain-changes.ts";

export async function* differences(context: ImagesContext, what: string | Changed): AsyncGenerator<TreeChange> {
  const { store } = context;
  const worker = await context.worker();
  if (typeof what !== "string") {
    const root = requireImageRoot(what);
    const plain = plainTrees(context, what, root);
    if (plain) yield* compareTrees(plain.before, plain.after, await readingOptions(context));
    else
      yield* changesOf(
        store,
        readImage(store, root.image) ?? { layers: [] },
        await changesAsLayer(context, what, root),
      );
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
  yield* compareLayers(one ?? [], other ?? [], await readingOptions(context));
}

async function readingOptions({ store, caller }: ImagesContext) {
  const { layerIds } = await import("./worker.ts");
  return { executor: store.runner, ids: layerIds(caller) };
}
