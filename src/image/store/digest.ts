import { LibctError } from "../../errors.ts";
import { isDigest } from "../digest.ts";
import type { Digest } from "../types.ts";

/** Digests come from manifests that anybody may have written, and become file names here. */
function requireDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new LibctError("ERR_CT_IMAGE", `${JSON.stringify(text.slice(0, 80))} is no digest`, {
    hint: "expected sha256: and 64 hexadecimal digits, or sha512: and 128",
  });
}

/** The digits alone. */
export const hexOf = (digest: Digest): string => requireDigest(digest).slice("sha256:".length);

/** "sha256-0123...", as a file's name. */
export const fileNameOf = (digest: Digest): string => requireDigest(digest).replace(":", "-");

/** As people know it from docker. */
export const shortDigest = (digest: Digest): string => hexOf(digest).slice(0, 12);
