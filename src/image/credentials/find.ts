import { type ConfigFile, credentialsIn, keysFor, readablePaths, readConfigFile, serverOf } from "./config-file.ts";
import { askHelper } from "./helper.ts";
import type { Credentials } from "./types.ts";

export interface FindOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The only file to look into. */
  readonly authFile?: string | undefined;
}

/** Credentials for a repository as docker and podman keep them; undefined when nobody knows any. */
export async function findCredentials(
  { domain, repository }: { readonly domain: string; readonly repository: string },
  { env, authFile }: FindOptions,
): Promise<Credentials | undefined> {
  const keys = keysFor(domain, repository);
  for (const path of readablePaths(env, process.getuid?.() ?? 0, authFile)) {
    const file = readConfigFile(path);
    if (!file) continue;
    const helper = helperFor(file, domain);
    const found = helper === undefined ? undefined : await askHelper(helper, serverOf(domain));
    const known = found ?? credentialsIn(file, keys);
    if (known) return known;
  }
  return undefined;
}

/** A helper for one registry goes before that for all. */
export function helperFor({ credHelpers, credsStore }: ConfigFile, domain: string): string | undefined {
  const one = credHelpers[serverOf(domain)] ?? credHelpers[domain];
  return typeof one === "string" && one !== "" ? one : credsStore;
}
