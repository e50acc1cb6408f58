import { lstatSync } from "node:fs";
import { layerTree, readTar, type Store, type StoredImage, type TreeChange } from "../../image/index.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** What a layer's archive does to the layers below it. */
export async function* changesOf(
  store: Store,
  below: Pick<StoredImage, "layers">,
  tar: AsyncIterable<Uint8Array>,
): AsyncGenerator<TreeChange> {
  const trees = [...below.layers].reverse().map(({ diffId }) => layerTree(store, diffId));
  for await (const { name } of readTar(tar)) {
    const path = name.replace(/^\.?\/|\/$/g, "");
    const slash = path.lastIndexOf("/") + 1;
    const [parent, last] = [path.slice(0, slash), path.slice(slash)];
    if (path === "" || path === "." || last === OPAQUE) continue;
    if (last.startsWith(WHITEOUT)) yield { kind: "removed", path: `/${parent}${last.slice(WHITEOUT.length)}` };
    else yield { kind: isBelow(trees, path) ? "changed" : "added", path: `/${path}` };
  }
}

/** The topmost layer that has it counts, and there it may be a whiteout, which is a device. */
function isBelow(trees: readonly string[], path: string): boolean {
  for (const tree of trees) {
    const stat = lstatIn(tree, path);
    if (stat) return !stat.isCharacterDevice() || stat.rdev !== 0;
  }
  return false;
}

function lstatIn(tree: string, path: string) {
  try {
    return lstatSync(`${tree}/${path}`, { throwIfNoEntry: false });
  } catch {
    return undefined; // A file stands where the path has a directory, or this user may not look there.
  }
}
