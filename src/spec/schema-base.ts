import * as v from "valibot";
import { nearest } from "../errors.ts";
import { suggest } from "./schema-hints.ts";

/**
 * Building blocks of the schemas. The message of each is what was expected, and a hint after a line break where there is
 * one: `parse` makes the error of it.
 */
export type Schema<T> = v.GenericSchema<unknown, T>;

type OptionalKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T];
type Required<T> = { readonly [K in Exclude<keyof T, OptionalKeys<T>>]: Schema<T[K]> };
type Optional<T> = { readonly [K in OptionalKeys<T>]-?: Schema<Exclude<T[K], undefined>> };

/** A value that passes a test of its own. */
export const value = <T>(
  test: (input: unknown) => boolean,
  expected: string | ((input: unknown) => string),
): Schema<T> => v.custom<T>(test, typeof expected === "string" ? expected : (issue) => expected(issue.input));

/**
 * An object with no members but those of T: the compiler insists on a schema for each, so the schema cannot fall behind the type.
 */
export function object<T>(required: Required<T>, optional: Optional<T>): Schema<T> {
  const entries: v.ObjectEntries = { ...required };
  for (const [name, schema] of Object.entries<Schema<unknown>>(optional)) entries[name] = v.exactOptional(schema);
  const names = Object.keys(entries);
  const message = (issue: v.StrictObjectIssue): string => {
    if (issue.expected !== "never") return "a value, as this member is required";
    return `no member of this name\n${suggest(issue.path?.at(-1)?.key, names)}`;
  };
  // The types of required and optional members say it; valibot's own inference would make a mutable type of it.
  const members = v.strictObject(entries, message) as unknown as Schema<T>;
  return v.lazy((input) => (isRecord(input) ? members : notAnObject));
}

export const list = <T>(item: Schema<T>, least = 0): Schema<T[]> => {
  const items = v.array(item, "a list");
  return least === 0
    ? items
    : v.pipe(items, v.minLength(least, least === 1 ? "a list that is not empty" : `a list of at least ${least}`));
};

/** One of two schemas, by a look at the input: so an error speaks of the one that was meant. */
export const either = <A, B>(
  isFirst: (input: unknown) => boolean,
  first: Schema<A>,
  second: Schema<B>,
): Schema<A | B> => v.lazy<Schema<A | B>>((input) => (isFirst(input) ? first : second));

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

/** An object used as a map of texts. It is copied: later changes of the caller's do not reach the spec. */
export function texts(isName: (name: string) => boolean, name: string, hint = ""): Schema<Record<string, string>> {
  return v.pipe(
    value<Record<string, unknown>>(isRecord, "an object of strings"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const input = dataset.value;
      for (const key of Object.keys(input)) {
        const message = !isName(key)
          ? `${name}${hint && `\n${hint}`}`
          : isText(input[key])
            ? ""
            : describeText(input[key]);
        if (message === "") continue;
        addIssue({
          message,
          input: isName(key) ? input[key] : key,
          path: [{ type: "object", origin: "value", input, key, value: input[key] }],
        });
        return NEVER;
      }
      return Object.fromEntries(Object.entries(input)) as Record<string, string>;
    }),
  );
}

export const isObject = (input: unknown): input is object => typeof input === "object" && input !== null;

/** Lists, maps, sets and buffers are objects without the members that were meant, so they would pass for empty ones. */
const isRecord = (input: unknown): input is object => isObject(input) && !(Symbol.iterator in input);
const notAnObject = value<never>(() => false, "an object");

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

export const flag: Schema<boolean> = v.boolean("true or false");

/** (uid_t)-1 means "unchanged" to the kernel, so it is no id. */
export const LAST_ID = 4294967294;
export const id = integer(0, LAST_ID);
