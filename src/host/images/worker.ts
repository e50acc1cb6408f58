import type { ProgramRunner } from "../../executor/index.ts";
import type { LayerWorker } from "../../image/index.ts";
import type { Caller } from "../caller.ts";
import { unsupported } from "../unsupported.ts";

/** Who unpacks layers for this user, and removes them. */
export function makeWorker(_runner: ProgramRunner, _caller: Caller): LayerWorker {
  const cannot = async () => {
    throw unsupported("layers cannot be unpacked", "image", "a later version can");
  };
  return { unpack: cannot, remove: cannot };
}
