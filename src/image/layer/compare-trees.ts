import type { ProgramRunner } from "../../executor/index.ts";
import { type PackedEntry, type PackOptions, packed, whiteout } from "./pack.ts";
import { compareNames, readDirectory, type TreeEntry } from "./read-tree.ts";
import { openSession, type Session } from "./session.ts";
import { writeTar } from "./write-tar.ts";
import { keptAttributes } from "./xattrs.ts";

/** How something differs between two trees. */
export interface TreeChange {
  readonly kind: "added" | "changed" | "removed";
  /** From the root on, with a slash before it. */
  readonly path: string;
}

interface Difference {
  readonly kind: TreeChange["kind"];
  readonly entry: TreeEntry;
}

/** What has changed from one tree to another; contents are taken for equal when size and time of change are. */
export async function* compareTrees(
  before: string,
  after: string,
  options: PackOptions,
): AsyncGenerator<TreeChange, void, void> {
  yield* inSessions([before, after], options, async function* (one, other) {
    for await (const { kind, entry } of differences(one, other, ".")) yield { kind, path: `/${entry.name}` };
  });
}

/** The archive of the layer that makes `after` of `before`. */
export async function* packDifference(
  before: string,
  after: string,
  options: PackOptions,
): AsyncGenerator<Uint8Array, void, void> {
  yield* inSessions([before, after], options, (one, other) => writeTar(entries(one, other)));
}

async function* entries(before: Session, after: Session): AsyncGenerator<PackedEntry, void, void> {
  const links = new Map<string, string>();
  for await (const { kind, entry } of differences(before, after, ".")) {
    if (kind === "removed") yield whiteout(entry.name);
    else if (!entry.isSocket) yield packed(after, entry, links);
  }
}

async function* inSessions<T>(
  [before, after]: readonly [string, string],
  { executor, ids }: { readonly executor: ProgramRunner } & PackOptions,
  act: (before: Session, after: Session) => AsyncGenerator<T>,
): AsyncGenerator<T, void, void> {
  const one = await openSession(executor, before, ids);
  try {
    const other = await openSession(executor, after, ids);
    try {
      yield* act(one, other);
    } finally {
      await other.close();
    }
  } finally {
    await one.close();
  }
}

/** Goes through both at once, in the order of names. `before` is undefined below what was not there. */
async function* differences(
  before: Session | undefined,
  after: Session,
  path: string,
): AsyncGenerator<Difference, void, void> {
  const old = before ? await readDirectory(before, path) : [];
  const now = await readDirectory(after, path);
  for (let [i, j] = [0, 0]; i < old.length || j < now.length; ) {
    const [was, is] = [old[i], now[j]];
    const order = !was ? 1 : !is ? -1 : compareNames(was.name, is.name);
    if (order <= 0) i++;
    if (order >= 0) j++;
    if (order < 0 && was) yield { kind: "removed", entry: was };
    else if (is) yield* changes(order === 0 ? was : undefined, is, before, after);
  }
}

async function* changes(
  was: TreeEntry | undefined,
  is: TreeEntry,
  before: Session | undefined,
  after: Session,
): AsyncGenerator<Difference, void, void> {
  if (!was) yield { kind: "added", entry: is };
  else if (differ(was, is)) {
    // A directory is not hidden by one of the same name; anything else is hidden by what takes its name.
    yield { kind: "changed", entry: is };
  }
  if (is.type === "directory") yield* differences(was?.type === "directory" ? before : undefined, after, is.name);
}

/** The time of a directory tells only that something in it was changed. */
function differ(a: TreeEntry, b: TreeEntry): boolean {
  const same =
    a.type === b.type &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.linkname === b.linkname &&
    a.size === b.size &&
    (a.type === "directory" || (a.mtime.seconds === b.mtime.seconds && a.mtime.nanoseconds === b.mtime.nanoseconds)) &&
    ((a.type !== "character" && a.type !== "block") || (a.major === b.major && a.minor === b.minor));
  return !same || !sameXattrs(keptAttributes(a.xattrs), keptAttributes(b.xattrs));
}

function sameXattrs(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (!other || Buffer.compare(value, other) !== 0) return false;
  }
  return true;
}
