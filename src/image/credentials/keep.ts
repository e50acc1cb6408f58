import { chmodSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { LibctError } from "../../errors.ts";
import { randomHex } from "../../linux/index.ts";
import { type ConfigFile, hostOfKey, keysFor, readConfigFile, serverOf, writablePath } from "./config-file.ts";
import { type FindOptions, helperFor } from "./find.ts";
import { eraseInHelper, storeInHelper } from "./helper.ts";

/** Where credentials went. */
export type Kept = { readonly helper: string } | { readonly path: string };

/** Keeps a user and a password for a registry as `docker login` does: with the helper that its configuration names, else in the file. */
export async function keepCredentials(
  domain: string,
  username: string,
  password: string,
  { env, authFile }: FindOptions,
): Promise<Kept> {
  const path = writablePath(env, authFile);
  const file = readConfigFile(path);
  const helper = file && helperFor(file, domain);
  const server = serverOf(domain);
  if (helper !== undefined) {
    await storeInHelper(helper, server, username, password);
    writeAuths(path, file, { ...file?.auths, [server]: {} });
    return { helper };
  }
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  writeAuths(path, file, { ...file?.auths, [server]: { auth } });
  return { path };
}

/** Forgets them. False when there were none. */
export async function forgetCredentials(domain: string, { env, authFile }: FindOptions): Promise<boolean> {
  const path = writablePath(env, authFile);
  const file = readConfigFile(path);
  if (!file) return false;
  const helper = helperFor(file, domain);
  const erased = helper === undefined ? false : await eraseInHelper(helper, serverOf(domain));
  // However the key is written, whoever looks for credentials would find them by it.
  const hosts = keysFor(domain, "").map(hostOfKey);
  const left = Object.entries(file.auths).filter(([name]) => !hosts.includes(hostOfKey(name)));
  const removed = left.length < Object.keys(file.auths).length;
  if (removed) writeAuths(path, file, Object.fromEntries(left));
  return erased || removed;
}

/** Replaces the file as a whole, for nobody else to read; through a link, which stays. */
function writeAuths(path: string, file: ConfigFile | undefined, auths: Readonly<Record<string, unknown>>): void {
  const text = `${JSON.stringify({ ...file?.content, auths }, undefined, "\t")}\n`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const target = file ? realpathSync(path) : path;
    const fresh = `${target}.${randomHex(8)}`;
    try {
      writeFileSync(fresh, text, { mode: 0o600, flag: "wx", flush: true });
      chmodSync(fresh, 0o600);
      renameSync(fresh, target);
    } catch (error) {
      rmSync(fresh, { force: true });
      throw error;
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new LibctError("ERR_CT_REGISTRY", `cannot write the credentials to ${path}: ${code}`, {
      path,
      errno: code,
      cause,
    });
  }
}
