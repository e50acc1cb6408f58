import { readdirSync, readFileSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { formatReference, type ImageReference } from "../reference.ts";
import { type Endpoint, endpointOf, ownEndpoint } from "./endpoints.ts";
import { type RegistryRule, readRules, relocate, ruleFor } from "./registries-conf.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where to look for an image, by the registries.conf that podman, skopeo and CRI-O read: mirrors first, then the registry itself. */
export async function endpointsFor(
  reference: ImageReference,
  env: Environment = process.env,
): Promise<readonly Endpoint[]> {
  const files = configurationFiles(env);
  if (files.length === 0) return [ownEndpoint(reference)];
  return chooseEndpoints(reference, await loadRules(files));
}

/** Pure: which places there are by the rules. */
export function chooseEndpoints(reference: ImageReference, rules: readonly RegistryRule[]): readonly Endpoint[] {
  const { domain, repository, digest } = reference;
  const rule = ruleFor(rules, domain, repository);
  if (!rule) return [ownEndpoint(reference)];
  if (rule.blocked) {
    throw new LibctError(
      "ERR_CT_NOT_PERMITTED",
      `${formatReference(reference)} is blocked by registries.conf (prefix ${rule.prefix})`,
    );
  }
  const wanted = digest === undefined ? "tag-only" : "digest-only";
  const mirrors = rule.mirrors
    .filter(({ pullFrom }) => pullFrom === "all" || pullFrom === wanted)
    .map(({ location, insecure }) => endpoint(rule, location, reference, insecure));
  return [...mirrors, endpoint(rule, rule.location, reference, rule.insecure)];
}

function endpoint(
  rule: RegistryRule,
  location: string,
  { domain, repository }: ImageReference,
  insecure: boolean,
): Endpoint {
  const moved = relocate(rule, location, domain, repository);
  return endpointOf(moved.domain, moved.repository, insecure);
}

interface File {
  readonly path: string;
  readonly text: string;
}

/** containers-registries.conf(5), "FILES": the user's file, else the machine's, and after it the drop-ins of both. */
function configurationFiles(env: Environment): readonly File[] {
  const { CONTAINERS_REGISTRIES_CONF: given, HOME: home, XDG_CONFIG_HOME: config = home && `${home}/.config` } = env;
  const main = given || undefined;
  if (main !== undefined) return [readFile(main) ?? missing(main)];
  const own = config === undefined ? undefined : `${config}/containers/registries.conf`;
  const first = (own === undefined ? undefined : readFile(own)) ?? readFile("/etc/containers/registries.conf");
  const directories = ["/etc/containers/registries.conf.d", ...(own === undefined ? [] : [`${own}.d`])];
  return [...(first ? [first] : []), ...directories.flatMap(dropIns)];
}

function missing(path: string): never {
  throw new LibctError("ERR_CT_REGISTRY", `there is no ${path}, which CONTAINERS_REGISTRIES_CONF names`, {
    path,
    errno: "ENOENT",
  });
}

function dropIns(directory: string): readonly File[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return []; // Most machines have none.
  }
  return names
    .filter((name) => name.endsWith(".conf"))
    .sort()
    .flatMap((name) => readFile(`${directory}/${name}`) ?? []);
}

function readFile(path: string): File | undefined {
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new LibctError("ERR_CT_REGISTRY", `cannot read ${path}: ${code}`, { path, errno: code, cause });
  }
}

/** A file that says nothing of registries, as distributions ship it, does not cost the parser. */
const TELLS_OF_REGISTRIES = /^\s*\[+\s*registr/m;

async function loadRules(files: readonly File[]): Promise<readonly RegistryRule[]> {
  const telling = files.filter(({ text }) => TELLS_OF_REGISTRIES.test(text));
  if (telling.length === 0) return [];
  const { parse } = await import("smol-toml");
  return telling.flatMap(({ path, text }) => {
    try {
      return readRules(parse(text), path);
    } catch (cause) {
      if (cause instanceof LibctError) throw cause;
      const said = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
      throw new LibctError("ERR_CT_REGISTRY", `${path} is no TOML: ${said}`, { path, cause });
    }
  });
}
