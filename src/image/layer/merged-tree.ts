import { LibctError } from "../../errors.ts";
import { isOpaque, isWhiteout, type PackedEntry, type PackOptions, packed, refuseReferences } from "./pack.ts";
import { compareNames, readDirectory, type TreeEntry } from "./read-tree.ts";
import { openSession, type Session } from "./session.ts";
import { writeTar } from "./write-tar.ts";

/** Something that is seen in layers that lie one over another, and the layer that it is in. */
export interface MergedEntry {
  readonly entry: TreeEntry;
  readonly session: Session;
}

/** Layers in overlay's form as one tree, without a mount: so an ordinary user reads it in the same way. */
export interface MergedTree {
  /** What is in a directory, in the order of the names. A directory is listed after that which it is in, and once. */
  list(path: string): Promise<readonly MergedEntry[]>;
  /** The layers that have the directory, the topmost first. */
  layersOf(path: string): readonly Session[];
}

/** `layers`: the topmost first; `ofRoot` as in PackOptions. */
export function mergedTree(layers: readonly Session[], ofRoot = false): MergedTree {
  const below = new Map<string, readonly Session[]>([[".", layers]]);
  const layersOf = (path: string) => below.get(path) ?? [];
  return {
    layersOf,
    async list(path) {
      const sources = layersOf(path);
      below.delete(path);
      const contents = await Promise.all(sources.map((session) => readDirectory(session, path)));
      const names = merge(contents, ofRoot && sources[0] === layers[0]);
      for (const { entry, from } of names) {
        if (entry.type === "directory") below.set(entry.name, pick(sources, from));
      }
      return names.flatMap(({ entry, from }) => pick(sources, from.slice(0, 1)).map((session) => ({ entry, session })));
    },
  };
}

const pick = (sources: readonly Session[], from: readonly number[]): readonly Session[] =>
  from.flatMap((index) => sources[index] ?? []);

interface Merged {
  readonly entry: TreeEntry;
  /** Which of the directories have it, the topmost first; one for anything but a directory. */
  readonly from: readonly number[];
}

/** The contents of a directory in several layers, the topmost first, as an overlay shows them (overlayfs.rst, "Directories"). */
export function merge(contents: readonly (readonly TreeEntry[])[], ofRoot = false): readonly Merged[] {
  const found = new Map<string, { readonly entry: TreeEntry; readonly from: number[] }>();
  const closed = new Set<string>();
  for (const [index, entries] of contents.entries()) {
    for (const entry of entries) {
      refuseReferences(entry);
      const { name } = entry;
      if (closed.has(name)) continue;
      const above = found.get(name);
      const joins = entry.type === "directory";
      if (above && joins) above.from.push(index);
      else if (!above && !isWhiteout(entry)) found.set(name, { entry, from: [index] });
      // Nothing of what lies below is seen.
      if (!joins || isOpaque(entry, ofRoot && index === 0)) closed.add(name);
    }
  }
  return [...found.values()].sort((a, b) => compareNames(a.entry.name, b.entry.name));
}

/** The archive of the tree that the layers, the topmost first, make together. */
export async function* packMerged(
  directories: readonly string[],
  options: PackOptions,
): AsyncGenerator<Uint8Array, void, void> {
  yield* inLayers(directories, options, (sessionOf) =>
    writeTar(mergedEntries(mergedTree(directories.flatMap(sessionOf), options.ofRoot), ".", new Map(), options.signal)),
  );
}

async function* mergedEntries(
  tree: MergedTree,
  path: string,
  links: Map<string, string>,
  signal: AbortSignal | undefined,
): AsyncGenerator<PackedEntry, void, void> {
  for (const { entry, session } of await tree.list(path)) {
    if (signal?.aborted) throw new LibctError("ERR_CT_ABORTED", "packing was aborted", { cause: signal.reason });
    if (entry.isSocket) continue;
    yield packed(session, entry, links);
    if (entry.type === "directory") yield* mergedEntries(tree, entry.name, links, signal);
  }
}

/** One session for each directory, however often it is named. */
export async function* inLayers<T>(
  directories: readonly string[],
  { executor, ids }: PackOptions,
  act: (sessionOf: (directory: string) => readonly Session[]) => AsyncGenerator<T>,
): AsyncGenerator<T, void, void> {
  const sessions = new Map<string, Session>();
  try {
    for (const directory of new Set(directories)) sessions.set(directory, await openSession(executor, directory, ids));
    yield* act((directory) => [sessions.get(directory) ?? []].flat());
  } finally {
    await Promise.all([...sessions.values()].map((session) => session.close()));
  }
}
