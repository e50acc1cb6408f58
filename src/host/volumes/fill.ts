import { lstatSync, mkdirSync, type Stats } from "node:fs";
import {
  hidesBelow,
  isEmptyVolume,
  layerTree,
  readImage,
  readVolume,
  type Store,
  type StoredImage,
  volumeData,
  writeTar,
} from "../../image/index.ts";
import type { IdMapping, Mount } from "../../spec/index.ts";
import { resolveIdMaps } from "../idmaps.ts";
import type { ImagesContext } from "../images/context.ts";
import type { ImageRoot } from "../images/root.ts";
import { createVolume } from "./act.ts";

/** A named volume that is empty gets what the image has at its place, as with docker; the option "nocopy" keeps it empty. */
export async function fillVolumes(context: ImagesContext, root: ImageRoot, mounts: readonly Mount[]): Promise<void> {
  const { store } = context;
  for (const { type, source = "", destination, options = [] } of mounts) {
    if (type !== "volume" || options.includes("nocopy")) continue;
    const volume = readVolume(store, source) ?? createVolume(store, source, {});
    const plain = volume.driver === "local" && volume.options.type === undefined;
    if (!plain || !isEmptyVolume(store, source)) continue;
    const image = readImage(store, root.image);
    if (image) await applyLayers(context, image, destination, volumeData(store, source));
  }
}

/** What the image has below a path goes into an empty directory: layer by layer, the lowest first. */
export async function applyLayers(context: ImagesContext, image: StoredImage, path: string, to: string): Promise<void> {
  const trees = treesOf(context.store, image, path);
  if (trees.length === 0) return;
  const worker = await context.worker();
  for (const tree of trees) await worker.apply(worker.pack(tree, {}), to);
  await worker.apply(directoryItself(context, trees.at(-1) ?? to), to);
}

/** The directory's own owner and permissions, as the archive of it alone. */
function directoryItself({ caller }: ImagesContext, tree: string): AsyncIterable<Uint8Array> {
  const { mode, uid, gid, mtimeMs } = lstatSync(tree);
  const maps = caller.privileged ? undefined : resolveIdMaps({}, caller);
  const seconds = Math.floor(mtimeMs / 1000);
  const entry = {
    name: "./",
    type: "directory",
    mode: mode & 0o7777,
    uid: maps ? insideOf(uid, maps.uid) : uid,
    gid: maps ? insideOf(gid, maps.gid) : gid,
    mtime: { seconds, nanoseconds: 0 },
  } as const;
  return writeTar([{ entry }]);
}

/** What an id of the host is in a container of this user. */
function insideOf(id: number, map: readonly IdMapping[]): number {
  const range = map.find(({ hostID, size }) => id >= hostID && id < hostID + size);
  return range ? range.containerID + id - range.hostID : 0;
}

/** The directories of that path in the layers that count, the lowest first. Links are not followed: what is behind one stays in the image. */
function treesOf(store: Store, { layers }: StoredImage, path: string): readonly string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  const found: string[] = [];
  for (const { diffId } of [...layers].reverse()) {
    let at = layerTree(store, diffId);
    let stat: Stats | undefined = lstatSync(at, { throwIfNoEntry: false });
    for (const name of names) {
      at = `${at}/${name}`;
      stat = lstatSync(at, { throwIfNoEntry: false });
      if (!stat?.isDirectory()) break;
    }
    if (!stat && hidesBelow(store, diffId, names.join("/"))) break;
    if (!stat) continue;
    // A whiteout, or a file or link in its place: what lies below does not count any more.
    if (!stat.isDirectory()) break;
    found.unshift(at);
    if (hidesBelow(store, diffId, names.join("/"))) break;
  }
  return found;
}

/** Volumes that the image wants, and nobody has given: directories of the container's own, which go with it. */
export function ownVolumes(root: ImageRoot, paths: readonly string[], given: readonly Mount[]): readonly Mount[] {
  const taken = new Set(given.map(({ destination }) => destination.replace(/\/+$/, "")));
  return paths
    .filter((path) => path !== "/" && !taken.has(path))
    .map((destination, index) => ({
      destination,
      type: "bind",
      source: `${root.directory}/volumes/${index}`,
      options: ["rbind"],
    }));
}

/** Makes them; the image's files in their places go into them. */
export async function makeOwnVolumes(
  context: ImagesContext,
  image: StoredImage,
  mounts: readonly Mount[],
): Promise<void> {
  for (const { source = "", destination } of mounts) {
    mkdirSync(source, { recursive: true, mode: 0o755 });
    await applyLayers(context, image, destination, source);
  }
}
