import { LibctError, nearest } from "../errors.ts";

interface AnyFlag {
  /** One letter after a dash. */
  readonly short?: `-${string}`;
  /** What it does, for the help. */
  readonly text: string;
  /** The heading in the help that it and those after it stand under. */
  readonly group?: string;
}
/** Is given or not. */
interface Switch extends AnyFlag {
  readonly value?: undefined;
  readonly many?: undefined;
  readonly choices?: undefined;
}
/** Has a value: what the help calls it. */
interface Valued<V> extends AnyFlag {
  readonly value: string;
  readonly many?: undefined;
  readonly choices?: readonly V[];
}
/** Has a value, and may be given many times. */
interface Repeated extends AnyFlag {
  readonly value: string;
  readonly many: true;
  readonly choices?: undefined;
}
export type Flag = Switch | Valued<string> | Repeated;

type FlagFor<V> = [V] extends [readonly string[]] ? Repeated : [V] extends [true] ? Switch : Valued<V>;

/** The flags of a command: one for each member of T, which has its name in camel case ("--read-only" gives `readOnly`). The one definition of what is read and of what the help says. */
export type FlagTable<T> = { readonly [K in keyof T]-?: FlagFor<Exclude<T[K], undefined>> };

/** A command of `ct`. */
export interface CommandSyntax<T> {
  /** What it does, in a line. */
  readonly summary: string;
  /** What follows its name, such as "[options] [ROOT] -- COMMAND...". */
  readonly usage: string;
  readonly flags: FlagTable<T>;
  /** The words that are no flags, for the help: name and text of each. */
  readonly words?: readonly (readonly [name: string, text: string])[];
  /** Everything from the first word on are words, as they may be another command's flags (unless "--" tells them apart). */
  readonly passThrough?: true;
  /** How many words it takes at most. Default: any number. */
  readonly most?: number;
}

/** Of any command: for the help. */
export type AnySyntax = Omit<CommandSyntax<unknown>, "flags"> & { readonly flags: Readonly<Record<string, Flag>> };

/** What stands on a command line. */
export interface Parsed<T> {
  readonly flags: T;
  /** What is no flag. */
  readonly words: readonly string[];
  /** --help or -h was given. */
  readonly help: boolean;
}

/** "--read-only" of readOnly */
export const longName = (member: string): string =>
  `--${member.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;

/** "-v, --bind <source:dest[:options]>" */
export function spelling(member: string, { short, value }: Flag): string {
  return `${short === undefined ? "" : `${short}, `}${longName(member)}${value === undefined ? "" : ` <${value}>`}`;
}

/** Reads flags and words. With `anywhere` flags may stand behind words; without it everything from the first word on is a word: it may be another command's flag. */
export function parseFlags<T>(table: FlagTable<T>, line: readonly string[], anywhere: boolean): Parsed<T> {
  const reader = new FlagReader(table as Readonly<Record<string, Flag>>, line, anywhere);
  reader.read();
  // Each member has what its flag stands for, by the type of the table.
  return { flags: reader.flags as T, words: reader.words, help: reader.help };
}

class FlagReader {
  readonly flags: Record<string, unknown> = {};
  readonly words: string[] = [];
  help = false;
  readonly #table: Readonly<Record<string, Flag>>;
  readonly #line: readonly string[];
  readonly #anywhere: boolean;
  #at = 0;

  constructor(table: Readonly<Record<string, Flag>>, line: readonly string[], anywhere: boolean) {
    this.#table = table;
    this.#line = line;
    this.#anywhere = anywhere;
    for (const member in table) if (table[member]?.many) this.flags[member] = [];
  }

  read(): void {
    for (;;) {
      const word = this.#line[this.#at];
      if (word === undefined) return;
      if (!word.startsWith("-") || word === "-") {
        this.#takeWords();
        if (!this.#anywhere) return;
      } else {
        this.#at += 1;
        if (word.startsWith("--")) this.#long(word);
        else this.#letters(word);
      }
    }
  }

  #takeWords(): void {
    const end = this.#anywhere ? this.#at + 1 : this.#line.length;
    this.words.push(...this.#line.slice(this.#at, end));
    this.#at = end;
  }

  /** --flag, --flag value, --flag=value */
  #long(word: string): void {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    const given = equals < 0 ? undefined : word.slice(equals + 1);
    if (name === "--help") {
      this.help = true;
      return;
    }
    const member = Object.keys(this.#table).find((one) => longName(one) === name);
    if (member === undefined) throw unknownFlag(name, Object.keys(this.#table).map(longName));
    const flag = this.#flag(member);
    if (flag.value === undefined && given !== undefined) throw usage(`option '${name}' takes no value`);
    this.#set(member, flag, given);
  }

  /** -t, -ti, -v value, -vvalue */
  #letters(word: string): void {
    for (let at = 1; at < word.length; at++) {
      const letter = `-${word[at]}`;
      if (letter === "-h") {
        this.help = true;
        continue;
      }
      const member = Object.keys(this.#table).find((one) => this.#table[one]?.short === letter);
      if (member === undefined) throw unknownFlag(letter, []);
      const flag = this.#flag(member);
      const rest = word.slice(at + 1);
      this.#set(member, flag, flag.value === undefined || rest === "" ? undefined : rest);
      if (flag.value !== undefined) return;
    }
  }

  #flag(member: string): Flag {
    return this.#table[member] ?? { text: "" };
  }

  #set(member: string, flag: Flag, given: string | undefined): void {
    if (flag.value === undefined) {
      this.flags[member] = true;
      return;
    }
    // What begins with a dash may be a value too: --oom-score-adj -500.
    const value = given ?? this.#line[this.#at++];
    if (value === undefined) throw usage(`option '${spelling(member, flag)}' argument missing`);
    if (flag.choices && !flag.choices.includes(value)) {
      const allowed = `Allowed choices are ${flag.choices.join(", ")}`;
      throw usage(`option '${spelling(member, flag)}' argument '${value}' is invalid. ${allowed}`);
    }
    this.flags[member] = flag.many ? [...(this.flags[member] as readonly string[]), value] : value;
  }
}

export const usage = (message: string, hint?: string) => new LibctError("ERR_CT_USAGE", message, { hint });

/** Says what was probably meant. */
export function unknownWord(what: string, word: string, known: readonly string[]): LibctError {
  const near = nearest(word, known);
  return usage(
    `unknown ${what} '${word}'`,
    near === undefined ? "`ct help` tells what there is" : `did you mean ${near}?`,
  );
}

const unknownFlag = (name: string, known: readonly string[]) => unknownWord("option", name, known);
