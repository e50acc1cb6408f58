import { accessSync, constants, type Stats, statSync } from "node:fs";
import { LibctError } from "../errors.ts";

/** What the words after the flags say. */
export interface Words {
  /** "host", a directory, or a file with a filesystem. */
  readonly root: string | undefined;
  /** In place of it. */
  readonly image?: string;
  /** Of an image it may be empty: then the image says what it is. */
  readonly command: readonly string[];
}

/**
 * Splits what stands after the flags into ROOT or IMAGE, and COMMAND. With "--" it is clear: what stands before it is the root, if it is a path or there, else an
 * image. Without it the first word must look like one of them; a command alone is not guessed, since it would change its meaning with a directory of that name.
 */
export function splitWords(words: readonly string[], afterDashes: readonly string[] | undefined): Words {
  if (afterDashes === undefined) return splitWithoutDashes(words);
  const [root, ...more] = words;
  if (more.length > 0) {
    const right = `ct run ${shellWords([root ?? "", "--", ...more, "--", ...afterDashes])}`;
    throw usage(`only ROOT may stand before "--", but ${JSON.stringify(more[0])} does too`, `perhaps \`${right}\``);
  }
  if (root !== undefined && !isRoot(root)) return { root: undefined, image: root, command: afterDashes };
  return { root, command: requireCommand(root, afterDashes) };
}

function splitWithoutDashes(words: readonly string[]): Words {
  const [first, ...rest] = words;
  if (first === undefined) return { root: undefined, command: requireCommand(undefined, []) };
  const right = `ct run -- ${shellWords(words)}`;
  if (isProgram(first)) throw usage(`${JSON.stringify(first)} is a program, and no ROOT`, `\`${right}\``);
  if (!looksLikeRoot(first)) {
    if (namesImage(first, rest)) return { root: undefined, image: first, command: rest };
    throw usage(
      `${JSON.stringify(first)} is no ROOT: neither "host" nor a directory`,
      `to run it as the command: \`${right}\``,
    );
  }
  return { root: first, command: requireCommand(first, rest) };
}

/** A container of another program, whose configuration has a command. */
export const namesImport = (word: string): boolean => /^(?:lxc|openvz|nspawn|bundle):./.test(word);

const ROOT = /^(?:host$|\/|\.\.?(?:\/|$))/;

const looksLikeRoot = (word: string) => ROOT.test(word) || namesImport(word) || (statOf(word)?.isDirectory() ?? false);

const isRoot = (word: string): boolean => isPath(word) || namesImport(word) || statOf(word) !== undefined;

/** Whether a word can be nothing but a root: its meaning does not change with what is there. */
export const isPath = (word: string): boolean => ROOT.test(word);

/** What has a slash, a tag or a digest, and is no file; or a word that stands alone, and is no program. */
function namesImage(word: string, rest: readonly string[]): boolean {
  if (statOf(word) !== undefined) return false;
  if (/[/:@]/.test(word)) return true;
  const found = (process.env.PATH ?? "").split(":").some((directory) => statOf(`${directory}/${word}`) !== undefined);
  return rest.length === 0 && !found;
}

function isProgram(word: string): boolean {
  if (!word.includes("/") || !statOf(word)?.isFile()) return false;
  try {
    accessSync(word, constants.X_OK);
    return true;
  } catch {
    return false; // A file without the right to be executed may be a filesystem image.
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // Such as a name that is too long.
  }
}

function requireCommand(root: string | undefined, words: readonly string[]): readonly string[] {
  if (words.length > 0 || (root !== undefined && namesImport(root))) return words;
  const right = root === undefined ? "ct run -- COMMAND..." : `ct run ${shellWords([root])} -- COMMAND...`;
  throw usage("no command is given", `\`${right}\``);
}

/** Words as a shell would read them again. */
const shellWords = (words: readonly string[]) =>
  words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");

const usage = (message: string, hint: string) => new LibctError("ERR_CT_USAGE", message, { hint });
