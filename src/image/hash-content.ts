import { createHash } from "node:crypto";
import type { Digest } from "./types.ts";

/** The digest of content that nobody has told it of. */
export async function hashContent(content: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash("sha256");
  for await (const chunk of content) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}
