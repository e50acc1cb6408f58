import { invalid, type LibctError } from "../errors.ts";
import { Problem, type Schema } from "./schema-base.ts";

/** `input` as the schema's type; otherwise one error for the first thing that is wrong with it. */
export function parse<T>(schema: Schema<T>, input: unknown, member: string, lenient = false): T {
  const result = schema(input, lenient);
  if (result instanceof Problem) throw explain(result, member);
  return result;
}

function explain({ path, input, expected }: Problem, member: string): LibctError {
  const [what = "", hint] = expected.split("\n");
  return invalid(memberPath(member, path), printable(input), what, hint);
}

const PLAIN_NAME = /^[\w./-]+$/;

function memberPath(member: string, path: readonly (string | number)[]): string {
  let text = member;
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (PLAIN_NAME.test(key)) text += text === "" ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
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
