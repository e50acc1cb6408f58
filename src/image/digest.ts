import type { Hash } from "node:crypto";
import { LibctError } from "../errors.ts";
import type { Descriptor, Digest } from "./types.ts";

/** Loaded when it is needed: who only looks at names pays nothing for it. */
const createHash = (algorithm: string): Hash => process.getBuiltinModule("node:crypto").createHash(algorithm);

// image-spec, descriptor.md, "Registered Algorithms".
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

export const isDigest = (text: unknown): text is Digest => typeof text === "string" && DIGEST.test(text);

export const algorithmOf = (digest: Digest): "sha256" | "sha512" =>
  digest.startsWith("sha512:") ? "sha512" : "sha256";

/** What the digest of these bytes is. */
export function digestOf(bytes: Uint8Array, algorithm: "sha256" | "sha512" = "sha256"): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** Counts and hashes content on its way. */
export interface Verifier {
  readonly size: number;
  /** Throws as soon as there is more than the descriptor says. */
  take(chunk: Uint8Array): void;
  /** Throws unless all that was taken is what the descriptor says. */
  end(): void;
}

export function verifier(descriptor: Descriptor, from: string): Verifier {
  const hash: Hash = createHash(algorithmOf(descriptor.digest));
  let size = 0;
  return {
    get size() {
      return size;
    },
    take(chunk) {
      size += chunk.length;
      if (size > descriptor.size) {
        throw mismatch(descriptor, from, `it is longer than the ${descriptor.size} bytes that it should have`);
      }
      hash.update(chunk);
    },
    end() {
      if (size < descriptor.size) {
        throw mismatch(descriptor, from, `it ended after ${size} of ${descriptor.size} bytes`);
      }
      const digest: Digest = `${algorithmOf(descriptor.digest)}:${hash.digest("hex")}`;
      if (digest !== descriptor.digest) throw mismatch(descriptor, from, `the digest of what came is ${digest}`);
    },
  };
}

function mismatch({ digest }: Descriptor, from: string, why: string): LibctError {
  return new LibctError("ERR_CT_DIGEST", `${from}: ${digest} is not what it should be: ${why}`, {
    hint: "what came was thrown away; the source, or somebody between it and here, has altered or cut it",
  });
}

/** Throws unless the bytes are what the descriptor says. */
export function verifyBytes(descriptor: Descriptor, bytes: Uint8Array, from: string): void {
  const check = verifier(descriptor, from);
  check.take(bytes);
  check.end();
}
