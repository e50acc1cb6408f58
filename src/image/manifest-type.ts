import { readDocument } from "./manifest.ts";
import { OCI_INDEX, OCI_MANIFEST } from "./media-types.ts";
import type { RawManifest } from "./types.ts";

/** The media type of a manifest or index as its document says it, which is the one that registries insist on. */
export function mediaTypeOf(raw: RawManifest, from: string): string {
  const document = readDocument(raw, from);
  if (document.kind === "index") return document.index.mediaType ?? OCI_INDEX;
  return document.manifest.mediaType ?? OCI_MANIFEST;
}
