/** An ordinary user's networks whose holder was killed while containers are on them: whoever uses them still has the lock, and keeps their namespaces. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { HOLDER_FILE, type LostNetworks } from "../compile/index.ts";
import { absolutePath } from "../linux/index.ts";
import { lockers, nameInLocks } from "../net/index.ts";

/** Holders of the user's networks have a directory each: mostly there is one. */
export function holderDirectories(above: string): readonly string[] {
  const entries = orNone(() => readdirSync(above, { withFileTypes: true }));
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${above}/${name}`);
}

export const holderPlace = ({ scratch }: { readonly scratch: string }): string => absolutePath(`${scratch}/../holder`);

/** Containers are on networks that nobody connects to the outside. */
export const hasLostNetworks = (surroundings: { readonly scratch: string }): boolean =>
  holderDirectories(holderPlace(surroundings)).some((directory) => findLost(directory) !== undefined);

/** Undefined when there is a holder, and when nobody is left on the networks. */
export function findLost(directory: string): LostNetworks | undefined {
  const locks = readFileSync("/proc/locks", "utf8");
  const pids = (name: string) => orNone(() => lockers(locks, nameInLocks(`${directory}/${name}`)));
  if (pids(HOLDER_FILE.ALIVE).length > 0) return undefined;
  const users = pids(HOLDER_FILE.USERS).map((pid) => ({ pid, networks: networksOf(pid) }));
  const known = users.filter(({ networks }) => networks.size > 0);
  const [first] = known;
  if (!first) return undefined;
  // A monitor that is just making its container has that one's, too.
  const common = [...first.networks].find(([link]) => known.every(({ networks }) => networks.has(link)));
  return common && { user: `${first.pid}/ns/user`, network: common[1] };
}

/** Network namespaces other than this one that a process is in, or has open: where each is, from /proc on. */
function networksOf(pid: number): ReadonlyMap<string, string> {
  const own = readlinkSync("/proc/self/ns/net");
  const found = new Map<string, string>();
  for (const path of [`${pid}/ns/net`, ...descriptorsOf(pid)]) {
    const link = linkOf(`/proc/${path}`);
    if (link?.startsWith("net:") && link !== own && !found.has(link)) found.set(link, path);
  }
  return found;
}

const descriptorsOf = (pid: number): readonly string[] =>
  orNone(() => readdirSync(`/proc/${pid}/fd`).map((name) => `${pid}/fd/${name}`));

/** What is looked at may have ended, or be somebody else's by now. */
function orNone<T>(look: () => readonly T[]): readonly T[] {
  try {
    return look();
  } catch {
    return [];
  }
}

const linkOf = (path: string): string | undefined => orNone(() => [readlinkSync(path)])[0];
