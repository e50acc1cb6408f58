import type { LayerWorker, Store } from "../../image/present.ts";
import type { RecordStore } from "../../records/index.ts";
import type { Caller } from "../caller.ts";

/** What images need of their Host. */
export interface ImagesContext {
  readonly store: Store;
  readonly caller: Caller;
  /** Loaded when something is unpacked or removed. */
  worker(): Promise<LayerWorker>;
  records(): Promise<RecordStore>;
}
