import { packDifference, treePath } from "../../image/index.ts";
import { type Changed, requireOwn } from "./changed.ts";
import type { ImagesContext } from "./context.ts";
import type { ImageRoot } from "./root.ts";

/** Of a container with a tree of its own: the image's tree, and its own. Undefined for one over an overlay. */
export function plainTrees({ store }: ImagesContext, container: Changed, root: ImageRoot) {
  if (!root.storage) return undefined;
  return { before: treePath(store, root.image, root.storage), after: requireOwn(container, root) };
}

/** Whether the container's overlay is one of root of the machine: in a user namespace the kernel has another kind of attributes (overlayfs.rst, "userxattr"). */
export function isOfRoot({ caller }: ImagesContext, { spec: { namespaces = [] } }: Changed): boolean {
  const own = namespaces.some((one) => (typeof one === "string" ? one : one.type) === "user");
  return caller.privileged && caller.initialUserNamespace && !own;
}

/** What a container has changed, as the archive of a layer. */
export async function changesAsLayer(
  context: ImagesContext,
  container: Changed,
  root: ImageRoot,
): Promise<AsyncIterable<Uint8Array>> {
  const plain = plainTrees(context, container, root);
  if (!plain)
    return (await context.worker()).pack(requireOwn(container, root), { ofRoot: isOfRoot(context, container) });
  const { layerIds } = await import("./worker.ts");
  return packDifference(plain.before, plain.after, {
    executor: context.store.runner,
    ids: layerIds(context.caller),
  });
}
