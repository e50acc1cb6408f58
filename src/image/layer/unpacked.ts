import type { Digest } from "../types.ts";
import type { Compression } from "./compression.ts";
import type { Skipped } from "./mend.ts";

export interface UnpackedLayer {
  /** Of the uncompressed archive, all of it. */
  readonly diffId: Digest;
  readonly compression: Compression;
  /** Bytes of the uncompressed archive. */
  readonly size: number;
  readonly entries: number;
  /** Bytes of the contents of its files, without holes. */
  readonly fileBytes: number;
  /** Directories that the archive had no entry for: they belong to root and have mode 0755, which an overlay shows in place of what the layers below say. */
  readonly impliedDirectories: readonly string[];
  /** Directories that hide what the layers below have in them. */
  readonly opaque: readonly string[];
  /** What could not be kept here, with the number of entries. */
  readonly skipped: Skipped;
}
