import type { ProgramRunner } from "../../executor/index.ts";
import { type LayerIds, type LayerWorker, packUpper, removeTree, unpackTar } from "../../image/index.ts";
import type { Caller } from "../caller.ts";
import { resolveIdMaps } from "../idmaps.ts";

/** Who unpacks layers for this user, and removes them: root as root, others in a user namespace with their subordinate ids. */
export function makeWorker(runner: ProgramRunner, caller: Caller): LayerWorker {
  const ids = layerIds(caller);
  // Only root of the machine may set `trusted` attributes (xattr(7)); overlays in a user namespace look for those of the user.
  const whiteouts = caller.privileged && caller.initialUserNamespace ? "overlay" : "overlay-user";
  return {
    async unpack(content, directory, { signal }) {
      const layer = await unpackTar({ executor: runner, content, directory, ids, whiteouts, signal });
      return { diffId: layer.diffId, size: layer.fileBytes, opaque: layer.opaque };
    },
    async apply(content, directory) {
      await unpackTar({ executor: runner, content, directory, ids, whiteouts: "applied" });
    },
    pack: (directory, options) => packUpper(directory, { executor: runner, ids, ...options }),
    remove: (directory) => removeTree(runner, directory, ids),
  };
}

/** Undefined for root. */
export function layerIds(caller: Caller): LayerIds | undefined {
  if (caller.privileged) return undefined;
  const { uid, gid, writer } = resolveIdMaps({}, caller);
  return { uid, gid, writer: writer === "monitor" ? "self" : writer };
}
