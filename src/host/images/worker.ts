import type { LayerWorker } from "../../image/index.ts";
import { unsupported } from "../unsupported.ts";

/** Who unpacks layers for this user, and removes them. */
export function makeWorker(): LayerWorker {
  const cannot = async () => {
    throw unsupported("layers cannot be unpacked", "image", "a later version can");
  };
  return { unpack: cannot, remove: cannot };
}
