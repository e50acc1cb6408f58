export { blobContent, bytesContent } from "./blob-content.ts";
export { type CopyOptions, type CopyResult, copyImage } from "./copy.ts";
export type { BlobEvent, CopyEvent } from "./copy-events.ts";
export { digestOf, isDigest, verifier, verifyBytes } from "./digest.ts";
export { readConfig, readDocument } from "./manifest.ts";
export { formatPlatform, hostPlatform, parsePlatform, runsOn } from "./platform.ts";
export { familiarName, formatReference, type ImageReference, parseReference } from "./reference.ts";
export type * from "./types.ts";
