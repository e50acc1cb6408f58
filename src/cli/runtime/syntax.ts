import {
  type AnySyntax,
  type CommandSyntax,
  type FlagTable,
  longName,
  type Parsed,
  parseFlags,
  usage,
} from "../syntax.ts";

/** A command of `ct-runtime`. */
export interface RuntimeSyntax<T> extends Pick<CommandSyntax<T>, "summary" | "usage" | "flags"> {
  /** How many words it takes. */
  readonly words: readonly [least: number, most: number];
  /** From the first word on there are no flags: they are another command's. */
  readonly passThrough?: true;
}

/**
 * Reads the flags and words of a line as runc does, which reads them as Go programs do: "-root" is "--root", and a switch may be given a value. Flags stand before
 * words.
 */
export function readLine<T>(table: FlagTable<T>, line: readonly string[]): Parsed<T> {
  return parseFlags(table, normalise(Object.entries(table), line), false);
}

/** Thrown in the place of what a command would do: its help is asked for, and only it knows what is a flag of its own. */
export class HelpAsked extends Error {
  readonly command: string;
  readonly syntax: AnyRuntimeSyntax;

  constructor(command: string, syntax: AnyRuntimeSyntax) {
    super(`the help of ${command}`);
    this.command = command;
    this.syntax = syntax;
  }
}

/** Of any command. */
export type AnyRuntimeSyntax = Pick<AnySyntax, "summary" | "usage" | "flags">;

/** As `readLine`, and counts the words. */
export function readCommand<T>(name: string, syntax: RuntimeSyntax<T>, line: readonly string[]): Parsed<T> {
  const parsed = readLine(syntax.flags, line);
  if (parsed.help) throw new HelpAsked(name, syntax as unknown as AnyRuntimeSyntax);
  const [least, most] = syntax.words;
  const { length } = parsed.words;
  if (length < least || length > most) {
    throw usage(`"ct-runtime ${name}" takes ${syntax.usage}, but ${length} words were given`);
  }
  return parsed;
}

function normalise(flags: readonly (readonly [string, unknown])[], line: readonly string[]): readonly string[] {
  const valued = new Map(flags.map(([member, flag]) => [longName(member), hasValue(flag)]));
  const words: string[] = [];
  for (let at = 0; at < line.length; at++) {
    const word = line[at] ?? "";
    if (word === "--") return [...words, ...line.slice(at + 1)];
    if (!word.startsWith("-") || word === "-") return [...words, ...line.slice(at)];
    const long = /^-[a-z]/.test(word) && word.length > 2 ? `-${word}` : word;
    const [name = "", value] = long.split(/=(.*)/s);
    const takesValue = valued.get(name);
    if (takesValue === false && (value === "true" || value === "1")) words.push(name);
    else if (takesValue !== false || (value !== "false" && value !== "0")) words.push(long);
    // The value of a flag may look like one.
    if (value === undefined && (takesValue ?? isShortWithValue(flags, word))) words.push(line[++at] ?? "");
  }
  return words;
}

const hasValue = (flag: unknown): boolean => typeof flag === "object" && flag !== null && "value" in flag;

const isShortWithValue = (flags: readonly (readonly [string, unknown])[], word: string): boolean =>
  flags.some(([, flag]) => hasValue(flag) && (flag as { readonly short?: string }).short === word);
