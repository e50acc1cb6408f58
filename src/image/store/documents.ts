import { statSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { type Document, LARGEST_MANIFEST, readDocument } from "../manifest.ts";
import type { Digest } from "../types.ts";
import { blobPath, readBlob } from "./blobs.ts";
import type { Store } from "./place.ts";

/** The manifest or index of that digest; undefined when it is not here, or is neither: an index may list what it likes, layers also. */
export function storedDocument(store: Store, digest: Digest): Document | undefined {
  const size = statSync(blobPath(store, digest), { throwIfNoEntry: false })?.size ?? 0;
  const bytes = size > LARGEST_MANIFEST ? undefined : readBlob(store, digest);
  if (!bytes) return undefined;
  try {
    return readDocument({ descriptor: { mediaType: "", digest, size: bytes.length }, bytes }, digest);
  } catch (error) {
    if (error instanceof LibctError) return undefined;
    throw error;
  }
}
