/** What of a network is running: the files that its containers share. */
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { LibctError } from "../../errors.ts";
import { randomHex } from "../../linux/index.ts";
import { lockedBytes, nameInLocks } from "./held-locks.ts";
import { BLANK_PLACE, emptyHosts, MOST_PLACES, morePlaces, PLACE } from "./hosts-file.ts";
import { chooseLease, isLease, leaseCount, placeOf } from "./lease.ts";
import type { Network } from "./network.ts";
import { isUndoFile, RUNNING_FILE } from "./places.ts";
import { recentLeases } from "./recent-leases.ts";

/** Makes the directory with its files, if it is not there. */
export function openRunning(running: string, network: Network): string {
  const directory = `${running}/${network.name}`;
  const hosts = `${directory}/${RUNNING_FILE.HOSTS}`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    if (!existsSync(hosts)) writeOnce(hosts, emptyHosts(network.subnets.map(({ gateway }) => gateway)), 0o644);
    const leases = `${directory}/${RUNNING_FILE.LEASES}`;
    if (!existsSync(leases)) writeOnce(leases, "", 0o600);
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    throw new LibctError("ERR_CT_STATE", `cannot make the directory of a network ${directory}: ${code}`, {
      path: directory,
      errno: code,
      syscall,
      cause,
    });
  }
  return directory;
}

/** Whole or not at all, and by one of several who do it at once. */
function writeOnce(path: string, content: string, mode: number): void {
  const fresh = `${path}.${randomHex(8)}`;
  writeFileSync(fresh, content, { mode });
  try {
    linkSync(fresh, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** The leases that somebody holds now. */
export function heldLeases(directory: string): ReadonlySet<number> {
  const path = `${directory}/${RUNNING_FILE.LEASES}`;
  if (!existsSync(path)) return new Set();
  return lockedBytes(readFileSync("/proc/locks", "utf8"), nameInLocks(path));
}

/** Leases whose holders may have gone without taking away what they had published. */
export function leasesWithUndo(directory: string): readonly number[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => isUndoFile(name) ?? []);
}

/** Places that are looked at before the file is made larger: then it is more than half full. */
const MOST_LOOKS = 8;

/**
 * A lease that seems to be free. First its place in the hosts file is looked at, which takes the same time however many there are; `tried` are those that were not
 * free after all, and then the kernel is asked for all of them.
 */
export function findLease(network: Network, directory: string, name: string, tried: ReadonlySet<number>): number {
  const hosts = `${directory}/${RUNNING_FILE.HOSTS}`;
  const file = openSync(hosts, constants.O_RDWR | constants.O_APPEND);
  try {
    const places = Math.floor(statSync(hosts).size / PLACE);
    const window = Math.min(places, leaseCount(network));
    const start = name === "" ? Math.floor(Math.random() * window) : placeOf(name, window);
    if (tried.size > 0) {
      const taken = new Set([...heldLeases(directory), ...tried]);
      if (taken.size * 2 > window) grow(file, places, network);
      return chooseLease(network, start, window, taken);
    }
    const again = name === "" ? findRecent(network, directory, file, places) : undefined;
    if (again !== undefined) return again;
    const seen = new Set<number>();
    for (let look = 0; look < MOST_LOOKS; look++) {
      const lease = chooseLease(network, start, window, seen);
      if (lease >= places || isBlank(file, lease)) return lease;
      seen.add(lease);
    }
    grow(file, places, network);
    return chooseLease(network, start, window, heldLeases(directory));
  } finally {
    closeSync(file);
  }
}

const findRecent = (network: Network, directory: string, file: number, places: number): number | undefined =>
  recentLeases(directory).find((lease) => lease < places && isLease(network, lease) && isBlank(file, lease));

function isBlank(file: number, lease: number): boolean {
  const bytes = Buffer.alloc(PLACE);
  return readSync(file, bytes, 0, PLACE, lease * PLACE) < PLACE || bytes.toString("latin1") === BLANK_PLACE;
}

/** As many places again; when two do it at once, the file is larger than it need be. */
function grow(file: number, places: number, network: Network): void {
  if (places >= Math.min(MOST_PLACES, leaseCount(network))) return;
  writeSync(file, morePlaces(Math.min(places, MOST_PLACES - places)));
}

/** The file has a place for the lease afterwards; false when that is too far behind. */
export function makePlace(directory: string, lease: number): boolean {
  if (lease >= MOST_PLACES) return false;
  const hosts = `${directory}/${RUNNING_FILE.HOSTS}`;
  const places = Math.floor(statSync(hosts).size / PLACE);
  if (lease < places) return true;
  const file = openSync(hosts, constants.O_WRONLY | constants.O_APPEND);
  try {
    writeSync(file, morePlaces(lease + 1 - places));
  } finally {
    closeSync(file);
  }
  return true;
}

/** A file of this content, by a name that tells it from others, for whoever wants the same. */
export function sharedFile(directory: string, kind: string, content: string): string {
  if (latest?.content !== content) latest = { content, hash: hashOf(content) };
  const path = `${directory}/${kind}-${latest.hash}`;
  if (contentOf(path) !== content) replace(path, content);
  return path;
}

/** The name is not proof enough: of different contents two may have the same one. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Who has the old one mounted keeps it. */
function replace(path: string, content: string): void {
  const fresh = `${path}.${randomHex(8)}`;
  writeFileSync(fresh, content, { mode: 0o644 });
  renameSync(fresh, path);
}

/** Containers mostly have the same, and to count it takes as long as a good part of the rest. */
let latest: { readonly content: string; readonly hash: string } | undefined;

function hashOf(content: string): string {
  let hash = 0n;
  for (const byte of new TextEncoder().encode(content))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16);
}
