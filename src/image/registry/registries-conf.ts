import { LibctError } from "../../errors.ts";

/** [[registry.mirror]] of registries.conf. */
export interface Mirror {
  readonly location: string;
  readonly insecure: boolean;
  readonly pullFrom: "all" | "digest-only" | "tag-only";
}

/** [[registry]]: what is done with images whose name begins with `prefix`. */
export interface RegistryRule {
  readonly prefix: string;
  /** What stands in the place of the prefix. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly Mirror[];
}

type Table = Readonly<Record<string, unknown>>;

/** Reads a parsed registries.conf as far as it is about where images are (containers-registries.conf(5)); `path` is for messages. */
export function readRules(value: Table, path: string): readonly RegistryRule[] {
  const { registry = [], registries } = value;
  if (registries !== undefined) {
    throw wrong(path, "registries", "the older form of version 1 is not read", "write [[registry]] tables");
  }
  if (!Array.isArray(registry)) throw wrong(path, "registry", "expected [[registry]] tables");
  return registry.map((one, at) => readRule(tableOf(one, path, `registry[${at}]`), path, `registry[${at}]`));
}

function readRule(table: Table, path: string, member: string): RegistryRule {
  const [prefix, location] = [textOf(table, "prefix", path, member), textOf(table, "location", path, member)];
  const own = prefix ?? location;
  if (own === undefined || own === "") throw wrong(path, member, "it has neither prefix nor location");
  // containers-registries.conf(5): "*.example.com" keeps the host unless location says another.
  const wildcard = own.startsWith("*.");
  if (!wildcard && (location ?? own) === "") throw wrong(path, `${member}.location`, "it is empty");
  const mirrors = table.mirror ?? [];
  if (!Array.isArray(mirrors)) throw wrong(path, `${member}.mirror`, "expected [[registry.mirror]] tables");
  return {
    prefix: own,
    location: location ?? (wildcard ? "" : own),
    insecure: flagOf(table, "insecure", path, member),
    blocked: flagOf(table, "blocked", path, member),
    mirrors: mirrors.map((one, at) => {
      const where = `${member}.mirror[${at}]`;
      return readMirror(tableOf(one, path, where), flagOf(table, "mirror-by-digest-only", path, member), path, where);
    }),
  };
}

function readMirror(table: Table, digestOnly: boolean, path: string, member: string): Mirror {
  const location = textOf(table, "location", path, member);
  if (location === undefined || location === "") throw wrong(path, `${member}.location`, "it is missing");
  const pullFrom = textOf(table, "pull-from-mirror", path, member) ?? (digestOnly ? "digest-only" : "all");
  if (pullFrom !== "all" && pullFrom !== "digest-only" && pullFrom !== "tag-only") {
    throw wrong(path, `${member}.pull-from-mirror`, "expected all, digest-only or tag-only");
  }
  return { location, insecure: flagOf(table, "insecure", path, member), pullFrom };
}

function tableOf(value: unknown, path: string, member: string): Table {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Table;
  throw wrong(path, member, "expected a table");
}

function textOf(table: Table, key: string, path: string, member: string): string | undefined {
  const value = table[key];
  if (value === undefined || typeof value === "string") return value;
  throw wrong(path, `${member}.${key}`, "expected a text");
}

function flagOf(table: Table, key: string, path: string, member: string): boolean {
  const value = table[key] ?? false;
  if (typeof value === "boolean") return value;
  throw wrong(path, `${member}.${key}`, "expected true or false");
}

const wrong = (path: string, member: string, why: string, hint?: string) =>
  new LibctError("ERR_CT_REGISTRY", `${path}: ${why}`, { path, member, hint });

/** The rule for an image: of those that fit the one with the longest prefix. A file that is read later goes before. */
export function ruleFor(rules: readonly RegistryRule[], domain: string, repository: string): RegistryRule | undefined {
  let best: RegistryRule | undefined;
  for (const rule of rules)
    if (fits(rule.prefix, domain, repository) && rule.prefix.length >= (best?.prefix.length ?? 0)) best = rule;
  return best;
}

function fits(prefix: string, domain: string, repository: string): boolean {
  const name = `${domain}/${repository}`;
  if (prefix.startsWith("*.")) return domain.endsWith(prefix.slice(1));
  return name === prefix || name.startsWith(`${prefix}/`);
}

/** "mirror.example/hub" and what follows the prefix of a name, as domain and repository. */
export function relocate(
  rule: RegistryRule,
  location: string,
  domain: string,
  repository: string,
): { readonly domain: string; readonly repository: string } {
  const name = `${domain}/${repository}`;
  const rest = rule.prefix.startsWith("*.") ? name.slice(domain.length) : name.slice(rule.prefix.length);
  const moved = location === "" ? name : `${location}${rest}`;
  const slash = moved.indexOf("/");
  return { domain: moved.slice(0, slash), repository: moved.slice(slash + 1) };
}
