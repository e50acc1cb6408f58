import type { ProgramRunner } from "../../executor/index.ts";
import { type LayerIds, type LayerWorker, removeTree, unpackTree } from "../../image/index.ts";
import type { Caller } from "../caller.ts";
import { resolveIdMaps } from "../idmaps.ts";

/** Who unpacks layers for this user, and removes them: files of a container belong to the user's subordinate ids, and only a user namespace with these may touch them. */
export function makeWorker(executor: ProgramRunner, caller: Caller): LayerWorker {
  const ids = idsOf(caller);
  // Overlays in a user namespace, also an outer one that this user is root of, know no attributes of root's (overlayfs.rst, "userxattr").
  const whiteouts = ids === undefined && caller.initialUserNamespace ? "overlay" : "overlay-user";
  return {
    unpack: (content, directory, { signal }) => unpackTree({ executor, directory, content, ids, whiteouts, signal }),
    remove: (directory) => removeTree(executor, directory, ids),
  };
}

function idsOf(caller: Caller): LayerIds | undefined {
  if (caller.privileged) return undefined;
  const { uid, gid, writer } = resolveIdMaps({}, caller);
  // A user without privileges has no monitor that could write maps for him.
  return writer === "monitor" ? undefined : { uid, gid, writer };
}
