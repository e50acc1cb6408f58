import { nearest } from "../errors.ts";
import { suggest } from "./schema-hints.ts";

/** What is wrong with an input: where, from the outside in, what stands there, and what was expected, with a hint after a line break where there is one. */
export class Problem {
  readonly path: (string | number)[] = [];
  readonly input: unknown;
  readonly expected: string;

  constructor(input: unknown, expected: string) {
    this.input = input;
    this.expected = expected;
  }

  /** As seen from the object or list that it lies in. */
  at(key: string | number): this {
    this.path.unshift(key);
    return this;
  }
}

/**
 * A building block of the schemas: gives a copy of the input, or what is wrong with it. `parse` makes the error of that. `lenient`: by the rules of files that
 * other programs write and later versions extend: members that are not known, and those that are null, are as if they were not there.
 */
export type Schema<T> = (input: unknown, lenient?: boolean) => T | Problem;

type OptionalKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T];
type Required<T> = { readonly [K in Exclude<keyof T, OptionalKeys<T>>]: Schema<T[K]> };
type Optional<T> = { readonly [K in OptionalKeys<T>]-?: Schema<Exclude<T[K], undefined>> };

/** A value that passes a test of its own. */
export const value =
  <T>(test: (input: unknown) => boolean, expected: string | ((input: unknown) => string)): Schema<T> =>
  (input) =>
    test(input) ? (input as T) : new Problem(input, typeof expected === "string" ? expected : expected(input));

/**
 * An object with no members but those of T: the compiler insists on a schema for each, so the schema cannot fall behind the type. `{ hostname: undefined }` is
 * `{}`: people write so.
 */
export function object<T>(required: Required<T>, optional: Optional<T>): Schema<T> {
  const members: Readonly<Record<string, Schema<unknown>>> = { ...required, ...optional };
  const needed = Object.keys(required);
  return (input, lenient) => {
    if (!isRecord(input)) return new Problem(input, "an object");
    const copy: Record<string, unknown> = {};
    for (const key in input) {
      const given = input[key];
      if (given === undefined || (lenient && given === null)) continue;
      const member = Object.hasOwn(members, key) ? members[key] : undefined;
      if (!member) {
        if (lenient) continue;
        return new Problem(given, unknownMember(key, Object.keys(members))).at(key);
      }
      const checked = member(given, lenient);
      if (checked instanceof Problem) return checked.at(key);
      copy[key] = checked;
    }
    const missing = needed.find((key) => !Object.hasOwn(copy, key));
    if (missing !== undefined) return new Problem(undefined, "a value, as this member is required").at(missing);
    // Every member has been through the schema that its type in T asks for.
    return copy as T;
  };
}

const unknownMember = (key: string, known: readonly string[]) => `no member of this name\n${suggest(key, known)}`;

export function list<T>(item: Schema<T>, least = 0): Schema<T[]> {
  const expected = least === 0 ? "a list" : least === 1 ? "a list that is not empty" : `a list of at least ${least}`;
  return (input, lenient) => {
    if (!Array.isArray(input)) return new Problem(input, "a list");
    if (input.length < least) return new Problem(input, expected);
    const copy: T[] = [];
    for (let index = 0; index < input.length; index++) {
      const checked = item(input[index], lenient);
      if (checked instanceof Problem) return checked.at(index);
      copy.push(checked);
    }
    return copy;
  };
}

/** One of two schemas, by a look at the input: so an error speaks of the one that was meant. */
export const either =
  <A, B>(isFirst: (input: unknown) => boolean, first: Schema<A>, second: Schema<B>): Schema<A | B> =>
  (input, lenient) =>
    isFirst(input) ? first(input, lenient) : second(input, lenient);

/** A text of a fixed set; a record, so that the compiler misses forgotten ones. */
export function oneOf<T extends string>(names: Readonly<Record<T, unknown>>, others = ""): Schema<T> {
  const known: readonly string[] = Object.keys(names);
  const set: ReadonlySet<unknown> = new Set(known);
  const quoted = known.map((name) => JSON.stringify(name));
  if (known.length > 8)
    return value(
      (input) => set.has(input),
      (input) => `a known name\n${suggest(input, known)}`,
    );
  return value(
    (input) => set.has(input),
    (input) => {
      const near = typeof input === "string" ? nearest(input, known) : undefined;
      return `one of ${quoted.join(", ")}${others}${near === undefined ? "" : `\ndid you mean ${JSON.stringify(near)}?`}`;
    },
  );
}

/** An object used as a map. */
export function mapOf<T>(item: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return (input, lenient) => {
    if (!isRecord(input)) return new Problem(input, "an object");
    const copy: Record<string, T> = {};
    for (const [key, given] of Object.entries(input)) {
      const checked = item(given, lenient);
      if (checked instanceof Problem) return checked.at(key);
      copy[key] = checked;
    }
    return copy;
  };
}

/** An object used as a map of texts. It is copied: later changes of the caller's do not reach the spec. */
export function texts(isName: (name: string) => boolean, name: string, hint = ""): Schema<Record<string, string>> {
  return (input) => {
    if (!isRecord(input)) return new Problem(input, "an object of strings");
    const copy: [string, string][] = [];
    for (const [key, given] of Object.entries(input)) {
      if (given === undefined) continue;
      if (!isName(key)) return new Problem(key, `${name}${hint && `\n${hint}`}`).at(key);
      if (!isText(given)) return new Problem(given, describeText(given)).at(key);
      copy.push([key, given]);
    }
    return Object.fromEntries(copy);
  };
}

export const isObject = (input: unknown): input is object => typeof input === "object" && input !== null;

/** Lists, maps, sets and buffers are objects without the members that were meant, so they would pass for empty ones. */
const isRecord = (input: unknown): input is Readonly<Record<string, unknown>> =>
  isObject(input) && !(Symbol.iterator in input);

const isText = (input: unknown): input is string => typeof input === "string" && !input.includes("\0");
const describeText = (input: unknown) =>
  typeof input === "string"
    ? "a string without NUL bytes, which no system call can take"
    : typeof input === "number"
      ? `a string\nwrite "${input}"`
      : "a string";

/** Any string that a system call can take. */
export const text: Schema<string> = value(isText, describeText);

export const textThat = (test: (text: string) => boolean, expected: string): Schema<string> =>
  value(
    (input) => isText(input) && test(input),
    (input) => (isText(input) ? expected : describeText(input)),
  );

export const someText = textThat((input) => input !== "", "a string that is not empty");

/** PATH_MAX of <linux/limits.h> without the NUL byte. */
const LONGEST_PATH = 4095;
const fits = (path: string) => path.length <= LONGEST_PATH / 4 || Buffer.byteLength(path) <= LONGEST_PATH;

/** An absolute path. */
export const path: Schema<string> = value(
  (input) => isText(input) && input.startsWith("/") && fits(input),
  (input) => {
    if (!isText(input)) return describeText(input);
    if (!fits(input)) return `a path of at most ${LONGEST_PATH} bytes`;
    return `an absolute path${input === "" ? "" : `\nwrite "/${input.replace(/^(\.\/)+/, "")}"`}`;
  },
);

export const integer = (least: number, most: number, hint = ""): Schema<number> =>
  value(
    (input) => Number.isInteger(input) && (input as number) >= least && (input as number) <= most,
    (input) => {
      const octal = typeof input === "string" ? "\nwrite a number, without quotes" : "";
      return `an integer from ${least} to ${most}${hint && `\n${hint}`}${hint ? "" : octal}`;
    },
  );

export const flag: Schema<boolean> = value((input) => typeof input === "boolean", "true or false");

/** (uid_t)-1 means "unchanged" to the kernel, so it is no id. */
export const LAST_ID = 4294967294;
export const id = integer(0, LAST_ID);
