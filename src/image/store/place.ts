import type { ProgramRunner } from "../../executor/index.ts";

/** Where images, layers and volumes are kept, and who makes system calls there that this process cannot. */
export interface Store {
  readonly directory: string;
  readonly runner: ProgramRunner;
}

/** What the store's directory holds. Whatever is in them has appeared by a rename when it was whole; names that begin with "~" are being made, or removed. */
export const ROOMS = {
  BLOBS: "blobs",
  /** Downloads that were broken off. */
  PARTIAL: "partial",
  NAMES: "names",
  /** One small file for each manifest, with all that a container needs to know of its image. */
  IMAGES: "images",
  LAYERS: "layers",
  /** Which layer a compressed blob is. */
  DIFF_IDS: "diffids",
  /** Images as plain directories or subvolumes. */
  TREES: "trees",
  CONTAINERS: "containers",
  VOLUMES: "volumes",
  LOCKS: "locks",
} as const;
