import * as v from "valibot";
import { invalid, type LibctError } from "../errors.ts";
import { isObject, type Schema } from "./schema-base.ts";

/** `input` as the schema's type; otherwise one error for the first thing that is wrong with it. */
export function parse<T>(schema: Schema<T>, input: unknown, member: string): T {
  const result = v.safeParse(schema, withoutUndefined(input, 0), { abortEarly: true });
  if (result.success) return result.output;
  throw explain(result.issues[0], member);
}

function explain(issue: v.BaseIssue<unknown>, member: string): LibctError {
  const path = issue.path ?? [];
  const [expected = "", hint] = issue.message.split("\n");
  // Of a member that is unknown, valibot gives the name as the input; what stands there says more.
  const shown = issue.type === "strict_object" ? path.at(-1)?.value : undefined;
  return invalid(memberPath(member, path), printable(shown ?? issue.input), expected, hint);
}

const PLAIN_NAME = /^[\w./-]+$/;

function memberPath(member: string, path: readonly { readonly key?: unknown }[]): string {
  let text = member;
  for (const { key } of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (PLAIN_NAME.test(String(key))) text += text === "" ? String(key) : `.${key}`;
    else text += `[${JSON.stringify(String(key))}]`;
  }
  return text;
}

/** What JSON can show: no bigint, no cycle. */
function printable(value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  try {
    JSON.stringify(value);
    return value;
  } catch {
    return String(value);
  }
}

/** Deeper than any spec; a cycle ends here. */
const DEEPEST = 16;

/** `{ hostname: undefined }` is `{}`: people write so. What has nothing of the kind is not copied. */
function withoutUndefined(input: unknown, depth: number): unknown {
  if (!isObject(input) || depth > DEEPEST) return input;
  if (Array.isArray(input)) return cleanList(input, depth);
  const prototype: unknown = Object.getPrototypeOf(input);
  // Instances of classes, such as root drivers, stay what they are.
  if ((prototype !== Object.prototype && prototype !== null) || "plan" in input) return input;
  return cleanObject(input as Readonly<Record<string, unknown>>, depth);
}

function cleanList(input: readonly unknown[], depth: number): readonly unknown[] {
  let clean: unknown[] | undefined;
  for (let index = 0; index < input.length; index++) {
    const item = input[index];
    if (typeof item !== "object") continue;
    const cleaned = withoutUndefined(item, depth + 1);
    if (cleaned === item) continue;
    clean ??= [...input];
    clean[index] = cleaned;
  }
  return clean ?? input;
}

function cleanObject(input: Readonly<Record<string, unknown>>, depth: number): Readonly<Record<string, unknown>> {
  let clean: Record<string, unknown> | undefined;
  for (const key in input) {
    const member = input[key];
    if (typeof member !== "object" && member !== undefined) continue;
    const cleaned = member === undefined ? undefined : withoutUndefined(member, depth + 1);
    if (cleaned === member && member !== undefined) continue;
    clean ??= { ...input };
    if (cleaned === undefined) delete clean[key];
    else clean[key] = cleaned;
  }
  return clean ?? input;
}
