import { readFileSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import type { Credentials } from "./types.ts";

/** ~/.docker/config.json as far as it is about credentials; what else is in it stays as it is. */
export interface ConfigFile {
  readonly path: string;
  /** All of it. */
  readonly content: Readonly<Record<string, unknown>>;
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where `ct login` writes: Docker's file, so that both know the same. */
export function writablePath(env: Environment, given?: string): string {
  const path = given ?? (env.REGISTRY_AUTH_FILE || undefined);
  if (path !== undefined) return path;
  const directory = env.DOCKER_CONFIG || (env.HOME ? `${env.HOME}/.docker` : undefined);
  if (directory !== undefined) return `${directory}/config.json`;
  throw new LibctError("ERR_CT_USAGE", "there is no place for credentials: HOME is not set", {
    hint: "--authfile FILE, or DOCKER_CONFIG with a directory",
  });
}

/** Where credentials are looked for: Docker's file, then podman's (containers-auth.json(5)). A file that was named is the only one. */
export function readablePaths(env: Environment, uid: number, given?: string): readonly string[] {
  const named = given ?? (env.REGISTRY_AUTH_FILE || undefined);
  if (named !== undefined) return [named];
  const { HOME: home, XDG_CONFIG_HOME: config = home && `${home}/.config`, XDG_RUNTIME_DIR: runtime } = env;
  return [
    ...(env.DOCKER_CONFIG ? [`${env.DOCKER_CONFIG}/config.json`] : home ? [`${home}/.docker/config.json`] : []),
    runtime ? `${runtime}/containers/auth.json` : `/run/containers/${uid}/auth.json`,
    ...(config ? [`${config}/containers/auth.json`] : []),
  ];
}

/** Undefined when there is no such file. */
export function readConfigFile(path: string): ConfigFile | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new LibctError("ERR_CT_REGISTRY", `cannot read the credentials in ${path}: ${code}`, {
      path,
      errno: code,
      cause,
    });
  }
  return parseConfigFile(path, text.trim() === "" ? "{}" : text);
}

function parseConfigFile(path: string, text: string): ConfigFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What the parser says quotes the text, and a password may be in it.
    throw malformed(path, "it is no JSON");
  }
  const content = objectOf(value);
  if (!content) throw malformed(path, "it is no JSON object");
  const { credsStore } = content;
  return {
    path,
    content,
    auths: objectOf(content.auths) ?? {},
    credHelpers: objectOf(content.credHelpers) ?? {},
    credsStore: typeof credsStore === "string" && credsStore !== "" ? credsStore : undefined,
  };
}

const objectOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

const malformed = (path: string, why: string) =>
  new LibctError("ERR_CT_REGISTRY", `cannot read the credentials in ${path}: ${why}`, { path });

/** What docker calls the server of docker.io, for reasons of its history. */
const DOCKER_HUB = "https://index.docker.io/v1/";

/** The name that credentials of a registry are kept under. */
export const serverOf = (domain: string): string => (domain === "docker.io" ? DOCKER_HUB : domain);

/** Names that credentials for a repository may be kept under, the closest first. */
export function keysFor(domain: string, repository: string): readonly string[] {
  const parts = repository === "" ? [] : repository.split("/");
  const paths = parts.map((_, at) => `${domain}/${parts.slice(0, parts.length - at).join("/")}`);
  const hub = domain === "docker.io" ? [DOCKER_HUB, "docker.io", "index.docker.io", "registry-1.docker.io"] : [domain];
  return [...paths, ...hub];
}

/** Keys are written as URLs too: "https://registry.example/v1/". */
export const hostOfKey = (key: string): string => key.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");

/** What the file itself has for a repository. */
export function credentialsIn({ auths, path }: ConfigFile, keys: readonly string[]): Credentials | undefined {
  for (const key of keys) {
    const name =
      Object.keys(auths).find((one) => one === key) ??
      Object.keys(auths).find((one) => hostOfKey(one) === hostOfKey(key));
    const found =
      name === undefined
        ? undefined
        : readEntry(objectOf(auths[name]) ?? {}, `${path}: auths[${JSON.stringify(name)}]`);
    if (found) return found;
  }
  return undefined;
}

function readEntry(entry: Readonly<Record<string, unknown>>, where: string): Credentials | undefined {
  const text = (member: string): string => {
    const value = entry[member];
    return typeof value === "string" ? value : "";
  };
  const [identityToken, registryToken] = [text("identitytoken"), text("registrytoken")];
  if (identityToken !== "") return { identityToken };
  if (registryToken !== "") return { registryToken };
  if (text("auth") === "")
    return text("username") === "" ? undefined : { username: text("username"), password: text("password") };
  const decoded = Buffer.from(text("auth"), "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon <= 0) throw new LibctError("ERR_CT_REGISTRY", `${where}.auth is not USER:PASSWORD in base64`);
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, "") };
}
