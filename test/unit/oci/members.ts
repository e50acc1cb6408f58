import { readFileSync } from "node:fs";

/** A JSON schema, as far as the specification's own use it. */
interface JsonSchema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly definitions?: unknown;
}

const directory = new URL("./schema/", import.meta.url);
const files = new Map<string, unknown>();

function load(file: string): unknown {
  if (!files.has(file)) files.set(file, JSON.parse(readFileSync(new URL(file, directory), "utf8")));
  return files.get(file);
}

/** What a reference such as "defs.json#/definitions/Mount" leads to, and the file that it is in. */
function follow(reference: string, from: string): { readonly schema: JsonSchema; readonly file: string } {
  const [name = "", pointer = ""] = reference.split("#");
  const file = name === "" ? from : name;
  const steps = pointer.split("/").filter((step) => step !== "");
  const schema = steps.reduce<unknown>((node, step) => Reflect.get(node as object, step), load(file));
  return { schema: schema as JsonSchema, file };
}

/** Those of other platforms, and what only they have. */
const FOREIGN = /^(solaris|windows|vm|zos|freebsd)$|^process\.(commandLine|user\.username)$/;

/** Every member below a schema, by its path: `[]` is an item of a list, `*` a key of a map. */
function membersOf(schema: JsonSchema, file: string, path: string): readonly string[] {
  if (FOREIGN.test(path)) return [];
  if (schema.$ref !== undefined) {
    const found = follow(schema.$ref, file);
    return membersOf(found.schema, found.file, path);
  }
  const own = path === "" ? [] : [path];
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, member]) =>
    membersOf(member, file, path === "" ? name : `${path}.${name}`),
  );
  const items = schema.items ? membersOf(schema.items, file, `${path}[]`) : [];
  const values = [schema.additionalProperties, ...Object.values(schema.patternProperties ?? {})];
  const keys = values.flatMap((value) => (typeof value === "object" ? membersOf(value, file, `${path}.*`) : []));
  const parts = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return [...own, ...named, ...items, ...keys, ...parts.flatMap((part) => membersOf(part, file, path))];
}

/** Every member that config.json may have on Linux, by the specification's own schema. */
export const MEMBERS: readonly string[] = [
  ...new Set([
    ...membersOf(load("config-schema.json") as JsonSchema, "config-schema.json", ""),
    ...membersOf(load("config-linux.json") as JsonSchema, "config-linux.json", ""),
  ]),
].filter((path) => path !== "linux");
