import type { StoredImage } from "../../image/index.ts";
import { layerSize, type Store } from "../../image/index.ts";

/** A step of how an image was made. */
export interface HistoryStep {
  /** Milliseconds since the epoch */
  readonly created: number | undefined;
  /** The command, as the builder says it. */
  readonly createdBy: string;
  readonly comment: string;
  /** Bytes of the files of the layer that it made; 0 when it made none. */
  readonly size: number;
}

/** The newest first. */
export function historyOf(store: Store, { about, layers }: StoredImage): readonly HistoryStep[] {
  const rest = layers.map(({ diffId }) => layerSize(store, diffId)).values();
  const steps = (about.history ?? []).map((step) => {
    const created = step.created === undefined ? Number.NaN : Date.parse(step.created);
    return {
      created: Number.isNaN(created) ? undefined : created,
      createdBy: step.created_by ?? "",
      comment: step.comment ?? "",
      size: step.empty_layer ? 0 : (rest.next().value ?? 0),
    };
  });
  // Builders may say nothing of some layers.
  const untold = [...rest].map((size) => ({ created: undefined, createdBy: "", comment: "", size }));
  return [...steps, ...untold].reverse();
}
