import { nearest } from "../errors.ts";

/** "did you mean ...?", or all that is known when nothing is near. */
export function suggest(word: unknown, known: readonly string[]): string {
  const near = typeof word === "string" ? nearest(word, known) : undefined;
  return near === undefined ? `known: ${known.join(", ")}` : `did you mean ${JSON.stringify(near)}?`;
}
