import type { Digest } from "../types.ts";
import { fileNameOf } from "./digest.ts";
import { ROOMS, type Store } from "./place.ts";

/** Images as plain trees, for containers whose roots are copies or snapshots of them: made when the first such container is. */
export const treesDirectory = ({ directory }: Store): string => `${directory}/${ROOMS.TREES}`;

/** `kind` says what the directory is: a subvolume, or just that. */
export const treePath = (store: Store, image: Digest, kind: string): string =>
  `${treesDirectory(store)}/${fileNameOf(image)}.${kind}`;

/** The image of a tree, as its file name. */
export const imageOfTree = (entry: string): string => entry.slice(0, entry.lastIndexOf("."));
