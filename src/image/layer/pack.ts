import { LibctError } from "../../errors.ts";
import type { ProgramRunner } from "../../executor/index.ts";
import { fileContent } from "./file-content.ts";
import { show } from "./layer-names.ts";
import { readDirectory, type TreeEntry } from "./read-tree.ts";
import { openSession, type Session } from "./session.ts";
import type { LayerIds } from "./session-program.ts";
import { type TarContent, writeTar } from "./write-tar.ts";
import { isOverlays, keptAttributes } from "./xattrs.ts";

export interface PackOptions {
  readonly executor: ProgramRunner;
  /** For who is not root: a user namespace with these ids. */
  readonly ids?: LayerIds | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * The first directory was written by an overlay of root, which marks with `trusted.overlay.opaque`: a directory there with `user.overlay.opaque` is just a copy of a layer's, with its
   * attributes.
   */
  readonly ofRoot?: boolean | undefined;
}

/** Names of entries, with what is hidden as whiteouts, by the archive's rules (OCI image-spec, layer.md). */
export type PackedEntry = TarContent;

/** The upper directory of an overlay as the archive of a layer: what it says in overlay's way becomes whiteouts of images. */
export async function* packUpper(directory: string, options: PackOptions): AsyncGenerator<Uint8Array, void, void> {
  const session = await openSession(options.executor, directory, options.ids);
  try {
    yield* writeTar(upperEntries(session, ".", new Map(), options));
  } finally {
    await session.close();
  }
}

async function* upperEntries(
  session: Session,
  path: string,
  links: Map<string, string>,
  options: PackOptions,
): AsyncGenerator<PackedEntry, void, void> {
  const { signal, ofRoot = false } = options;
  for (const entry of await readDirectory(session, path)) {
    if (signal?.aborted) throw new LibctError("ERR_CT_ABORTED", "packing was aborted", { cause: signal.reason });
    if (entry.isSocket) continue;
    refuseReferences(entry);
    if (isWhiteout(entry)) {
      yield whiteout(entry.name);
      continue;
    }
    yield packed(session, entry, links);
    if (entry.type !== "directory") continue;
    if (isOpaque(entry, ofRoot)) yield { entry: { name: `${entry.name}/.wh..wh..opq`, type: "file", mode: 0o600 } };
    yield* upperEntries(session, entry.name, links, options);
  }
}

/** An entry with its content; a further name of a file is a hard link to the first. */
export function packed(session: Session, found: TreeEntry, links: Map<string, string>): PackedEntry {
  const { isSocket: _, inode, links: count, ...entry } = { ...found, xattrs: keptAttributes(found.xattrs) };
  if (entry.type !== "directory" && count > 1) {
    const first = links.get(inode);
    if (first !== undefined) return { entry: { ...entry, type: "link", linkname: first, size: 0 } };
    links.set(inode, entry.name);
  }
  if (entry.type !== "file" || entry.size === 0) return { entry };
  return { entry, content: fileContent(session, entry.name, entry.size) };
}

export function whiteout(path: string): PackedEntry {
  const slash = path.lastIndexOf("/") + 1;
  return { entry: { name: `${path.slice(0, slash)}.wh.${path.slice(slash)}`, type: "file", mode: 0o600 } };
}

/** A device of number 0, or an empty file with an attribute (overlayfs.rst, "whiteouts and opaque directories"). */
export const isWhiteout = ({ type, major, minor, xattrs }: TreeEntry): boolean =>
  (type === "character" && major === 0 && minor === 0) ||
  [...xattrs.keys()].some((name) => isOverlays(name, "whiteout"));

export const isOpaque = ({ xattrs }: TreeEntry, ofRoot = false): boolean =>
  [...xattrs].some(
    ([name, value]) =>
      isOverlays(name, "opaque") && value[0] === "y".charCodeAt(0) && !(ofRoot && name.startsWith("user.overlay.")),
  );

/** With some options overlay stores only that something comes from elsewhere (overlayfs.rst, "redirect_dir", "metacopy"). */
export function refuseReferences({ name, xattrs }: TreeEntry): void {
  const kind = ["redirect", "metacopy"].find((what) => [...xattrs.keys()].some((key) => isOverlays(key, what)));
  if (kind === undefined) return;
  throw new LibctError(
    "ERR_CT_NOT_SUPPORTED",
    `${show(name)} was changed by an overlay with ${kind}, which no layer can say`,
    {
      path: name,
      hint: "the machine's overlay module has redirect_dir or metacopy on by default",
    },
  );
}
