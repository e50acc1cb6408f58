import { statSync } from "node:fs";
import { LibctError } from "../errors.ts";

/**
 * Splits what stands after the flags into ROOT and COMMAND. With "--" it is clear: what stands before it is the root. Without it the first word is a
 * root when it looks like one.
 */
export function splitWords(
  words: readonly string[],
  afterDashes: readonly string[] | undefined,
): { root: string | undefined; command: readonly string[] } {
  if (afterDashes) {
    const [root, extra] = words;
    if (extra !== undefined) {
      throw new LibctError("ERR_CT_USAGE", `${JSON.stringify(extra)} stands before "--", where only ROOT may stand`);
    }
    return { root, command: requireCommand(afterDashes) };
  }
  const [first, ...rest] = words;
  if (first !== undefined && looksLikeRoot(first)) return { root: first, command: requireCommand(rest) };
  return { root: undefined, command: requireCommand(words) };
}

function looksLikeRoot(word: string): boolean {
  if (word === "host" || word.startsWith("./") || word.startsWith("../")) return true;
  return statSync(word, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function requireCommand(words: readonly string[]): readonly string[] {
  if (words.length > 0) return words;
  throw new LibctError(
    "ERR_CT_USAGE",
    "no command: say what to run after --, as in `ct run -- sh` or `ct run ./rootfs -- /bin/sh`",
  );
}
