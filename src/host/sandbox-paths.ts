import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { resolve } from "node:path";
import { invalid } from "../errors.ts";
import type { SandboxOptions } from "./sandbox-options.ts";
import { HIDDEN_IN_HOME, HIDDEN_ON_SYSTEM } from "./secrets.ts";

/** What a sandbox may touch, as absolute paths. */
export interface SandboxPaths {
  readonly workspace: string | undefined;
  readonly read: readonly string[];
  readonly write: readonly string[];
}

export function sandboxPaths({ workspace, allowRead = [], allowWrite = [] }: SandboxOptions): SandboxPaths {
  return {
    workspace: workspace === undefined ? undefined : existing(workspace, "sandbox.workspace"),
    read: allowRead.map((path, index) => existing(path, `sandbox.allowRead[${index}]`)),
    write: allowWrite.map((path, index) => existing(path, `sandbox.allowWrite[${index}]`)),
  };
}

function existing(path: string, member: string): string {
  const absolute = resolve(path);
  if (absolute === "/") throw invalid(member, path, "a directory of its own, not the whole machine");
  if (!statOf(absolute)) throw invalid(member, path, "a path that exists");
  return absolute;
}

/** Where secrets are on this machine: real paths, since a mount on a symbolic link would hide its target only by chance. */
export function secretPaths(): readonly string[] {
  const home = realPath(homedir());
  const inHome = HIDDEN_IN_HOME.map((name) => `${home === "/" ? "" : home}/${name}`);
  const all = [...otherHomes(), ...inHome, ...HIDDEN_ON_SYSTEM];
  return [...new Set(all.filter((path) => statOf(path) !== undefined).map(realPath))];
}

/** The homes of others, and of this user when $HOME says something else. */
export function otherHomes(): readonly string[] {
  const own = realPath(homedir());
  const homes = ["/root", accountHome(), ...children("/home")].filter((path) => path !== "/" && isDirectory(path));
  return [...new Set(homes.map(realPath))].filter((path) => path !== own && path !== "/");
}

const accountHome = () => quietly(() => userInfo().homedir) ?? "/";

/** The children of a directory, and where something below one is hidden that one's children instead. */
export function childrenExcept(directory: string, hidden: readonly string[]): readonly string[] {
  return children(directory).flatMap((path) => {
    if (hidden.includes(path)) return [];
    const inside = hidden.some((other) => other.startsWith(`${path}/`)) && isDirectory(path);
    return inside ? childrenExcept(path, hidden) : [path];
  });
}

export const realPath = (path: string): string => quietly(() => realpathSync(path)) ?? path;
export const statOf = (path: string): Stats | undefined => quietly(() => statSync(path));
export const isDirectory = (path: string): boolean => quietly(() => lstatSync(path))?.isDirectory() ?? false;
const children = (path: string): readonly string[] =>
  quietly(() => readdirSync(path).map((name) => `${path}/${name}`)) ?? [];

/** What cannot be looked at is not there for the sandbox either: its process has the same rights or fewer. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
