import { type AnySyntax, type CommandSyntax, type Parsed, parseFlags, usage } from "./syntax.ts";

/** What stands before the command on the line, and holds for all. */
export interface Globals {
  /** Where containers are written down. */
  readonly stateDirectory: string | undefined;
  /** Where images and volumes are kept. */
  readonly dataDirectory: string | undefined;
}

/** As an option of `Host.open`. */
export const withDirectories = ({ stateDirectory, dataDirectory }: Globals) => ({
  ...(stateDirectory === undefined ? {} : { stateDirectory }),
  ...(dataDirectory === undefined ? {} : { dataDirectory }),
});

/** A command of `ct`: how it is written, what is said below its help, and what it does. What it needs is loaded when it is called. */
export interface Command {
  readonly syntax: AnySyntax;
  details(): Promise<string>;
  /** Reads its words: `before` what stands before "--", `after` what follows it. Gives what is to be done. */
  read(before: readonly string[], after: readonly string[] | undefined): Task;
}

export interface Task {
  readonly help: boolean;
  /** Errors are for programs. */
  readonly json: boolean;
  act(globals: Globals): Promise<number>;
}

export type After = readonly string[] | undefined;

export function command<T extends { readonly json?: true }>(
  syntax: CommandSyntax<T>,
  details: () => Promise<string>,
  act: (parsed: Parsed<T>, after: After, globals: Globals) => Promise<number>,
): Command {
  return {
    syntax: syntax as unknown as AnySyntax,
    details,
    read(before, after) {
      const parsed = parseFlags(syntax.flags, before, after !== undefined || !syntax.passThrough);
      const { help, words, flags } = parsed;
      if (!help && words.length > (syntax.most ?? words.length)) throw tooMany(syntax.most ?? 0, words.length);
      return { help, json: flags.json ?? false, act: (globals) => act(parsed, after, globals) };
    },
  };
}

const tooMany = (most: number, given: number) => usage(`too many words: at most ${most}, but ${given} were given`);
