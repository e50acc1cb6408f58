import type { ProgramRunner } from "../../executor/index.ts";
import { inLayers, mergedTree } from "./merged-tree.ts";
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
    for await (const { kind, entry } of differences(listOf(one), listOf(other), "."))
      yield { kind, path: `/${entry.name}` };
  });
}

/** The same between two stacks of layers in overlay's form, the topmost first. What both have from the same layers is not looked at. */
export async function* compareLayers(
  before: readonly string[],
  after: readonly string[],
  options: PackOptions,
): AsyncGenerator<TreeChange, void, void> {
  yield* inLayers([...before, ...after], options, async function* (sessionOf) {
    const [one, other] = [mergedTree(before.flatMap(sessionOf)), mergedTree(after.flatMap(sessionOf))];
    const isSame = (path: string) => sameLayers(one.layersOf(path), other.layersOf(path));
    const list = (tree: typeof one) => async (path: string) => (await tree.list(path)).map(({ entry }) => entry);
    if (isSame(".")) return;
    for await (const { kind, entry } of differences(list(one), list(other), ".", isSame))
      yield { kind, path: `/${entry.name}` };
  });
}

const sameLayers = (one: readonly Session[], other: readonly Session[]): boolean =>
  one.length === other.length && one.every((session, index) => session === other[index]);

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
  for await (const { kind, entry } of differences(listOf(before), listOf(after), ".")) {
    if (kind === "removed") yield whiteout(entry.name);
    else if (!entry.isSocket) yield packed(after, entry, links);
  }
}

/** What is in a directory, in the order of names. */
type List = (path: string) => Promise<readonly TreeEntry[]>;

const listOf =
  (session: Session): List =>
  (path) =>
    readDirectory(session, path);

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
  before: List | undefined,
  after: List,
  path: string,
  isSame?: (path: string) => boolean,
): AsyncGenerator<Difference, void, void> {
  const old = before ? await before(path) : [];
  const now = await after(path);
  for (let [i, j] = [0, 0]; i < old.length || j < now.length; ) {
    const [was, is] = [old[i], now[j]];
    const order = !was ? 1 : !is ? -1 : compareNames(was.name, is.name);
    if (order <= 0) i++;
    if (order >= 0) j++;
    if (order < 0 && was) yield { kind: "removed", entry: was };
    else if (is) yield* changes(order === 0 ? was : undefined, is, before, after, isSame);
  }
}

async function* changes(
  was: TreeEntry | undefined,
  is: TreeEntry,
  before: List | undefined,
  after: List,
  isSame?: (path: string) => boolean,
): AsyncGenerator<Difference, void, void> {
  if (!was) yield { kind: "added", entry: is };
  else if (differ(was, is)) {
    // A directory is not hidden by one of the same name; anything else is hidden by what takes its name.
    yield { kind: "changed", entry: is };
  }
  if (is.type !== "directory" || isSame?.(is.name)) return;
  yield* differences(was?.type === "directory" ? before : undefined, after, is.name, isSame);
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
