import {
  fileOutput,
  layerTree,
  type PackOptions,
  packMerged,
  requireImage,
  type StoredImage,
  streamOutput,
} from "../../image/index.ts";
import { requireImageRoot, requireOwn } from "./changed.ts";
import { type Committed, imageOf, whileStill } from "./commit.ts";
import type { ImagesContext } from "./context.ts";
import { isOfRoot, plainTrees } from "./plain-changes.ts";

export interface ExportOptions {
  readonly signal?: AbortSignal | undefined;
  /** The container stands still meanwhile, if it has cgroups. Default: true */
  readonly pause?: boolean | undefined;
}

/** The tree of an image, or of a container over one, as one archive. What is mounted in a container does not belong to it. */
export async function exportTree(
  context: ImagesContext,
  what: string | Committed,
  to: string | NodeJS.WritableStream,
  { signal, pause }: ExportOptions,
): Promise<void> {
  if (typeof what === "string") {
    await write(context, treesOf(context, requireImage(context.store, what).image), to, { signal });
    return;
  }
  const root = requireImageRoot(what);
  const plain = plainTrees(context, what, root);
  const trees = plain
    ? [plain.after]
    : [requireOwn(what, root), ...treesOf(context, imageOf(context, what.name, root))];
  const reading = { signal, ofRoot: !plain && isOfRoot(context, what) };
  await whileStill(what, pause, () => write(context, trees, to, reading));
}

/** The directories of an image's layers, the topmost first. Of a layer that is there twice the upper one hides all of the lower one. */
export const treesOf = ({ store }: ImagesContext, { layers }: StoredImage): readonly string[] => [
  ...new Set(layers.map(({ diffId }) => layerTree(store, diffId)).reverse()),
];

async function write(
  context: ImagesContext,
  trees: readonly string[],
  to: string | NodeJS.WritableStream,
  reading: Pick<PackOptions, "signal" | "ofRoot">,
): Promise<void> {
  const { layerIds } = await import("./worker.ts");
  const tar = packMerged(trees, { executor: context.store.runner, ids: layerIds(context.caller), ...reading });
  const output = typeof to === "string" ? await fileOutput(to) : streamOutput(to);
  try {
    for await (const bytes of tar) await output.write(bytes);
    await output.finish();
  } catch (error) {
    await output.discard();
    throw error;
  }
}
