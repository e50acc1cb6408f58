import { renameSync, rmSync, statSync } from "node:fs";
import { randomHex } from "../../linux/index.ts";
import type { Digest } from "../types.ts";
import { type ContainerLayer, listPins, type PinnedContainer } from "./containers.ts";
import { fileNameOf } from "./digest.ts";
import { storedDocument } from "./documents.ts";
import { allEntries, entries, isHidden, readIfThere } from "./files.ts";
import { alone } from "./holding.ts";
import { readImage, type StoredImage } from "./images.ts";
import type { UnpackedLayer } from "./layer-place.ts";
import type { LayerWorker } from "./layers.ts";
import { listNames } from "./names.ts";
import { ROOMS, type Store } from "./place.ts";
import { removeContainer } from "./remove-container.ts";
import { imageOfTree, treesDirectory } from "./trees.ts";

/** What was removed. */
export interface Collected {
  /** Bytes that it took. */
  readonly bytes: number;
  readonly blobs: number;
  readonly layers: number;
  /** Writable layers of containers that are gone. */
  readonly containers: number;
}

export interface CollectOptions {
  readonly worker: Pick<LayerWorker, "remove">;
  /** Whether whoever uses the container's layer is still there. */
  readonly isUsed: (layer: ContainerLayer, directory: string) => boolean;
  /** Also downloads that were broken off: a later one begins anew. */
  readonly partial: boolean;
  /** Until nobody adds anything. */
  readonly wait: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Removes whatever no name and no container leads to. Undefined: somebody is adding something, and it was not waited for. */
export async function collectGarbage(store: Store, options: CollectOptions): Promise<Collected | undefined> {
  return await alone(store, () => sweep(store, options), options);
}

async function sweep(store: Store, { worker, isUsed, partial }: CollectOptions): Promise<Collected> {
  const containers = await sweepContainers(store, worker, isUsed);
  const live = mark(store, listPins(store));
  const blobs = sweepBlobs(store, live.blobs);
  sweepFiles(store, ROOMS.IMAGES, (name) => live.images.has(name.replace(".json", "")));
  sweepFiles(store, ROOMS.DIFF_IDS, (name) => live.blobs.has(name));
  const layers = await sweepLayers(store, live.layers, worker);
  await sweepTrees(store, live.images, worker);
  await sweepHalfMade(store, worker);
  if (partial) rmSync(`${store.directory}/${ROOMS.PARTIAL}`, { recursive: true, force: true });
  // Nobody waits for one of these without holding the store's own.
  rmSync(`${store.directory}/${ROOMS.LOCKS}`, { recursive: true, force: true });
  return { bytes: blobs.bytes + layers.bytes, blobs: blobs.count, layers: layers.count, containers };
}

/** Names of files: algorithm, dash, digits. */
interface Live {
  readonly blobs: Set<string>;
  readonly images: Set<string>;
  readonly layers: Set<string>;
}

const key = fileNameOf;

function mark(store: Store, pins: readonly PinnedContainer[]): Live {
  const live: Live = { blobs: new Set(), images: new Set(), layers: new Set() };
  const seen = new Set<Digest>();
  for (const { target, image } of listNames(store)) {
    markDocument(store, target.digest, live, seen);
    markImage(store, image, live);
  }
  for (const { layer } of pins) {
    if (!layer) continue;
    markImage(store, layer.image, live);
    for (const diffId of layer.layers) live.layers.add(key(diffId));
  }
  return live;
}

function markImage(store: Store, digest: Digest, live: Live): void {
  const image = readImage(store, digest);
  live.blobs.add(key(digest));
  live.images.add(key(digest));
  if (image) markParts(image, live);
}

function markParts({ config, layers }: StoredImage, live: Live): void {
  live.blobs.add(key(config.digest));
  for (const { blob, diffId } of layers) {
    live.blobs.add(key(blob.digest));
    live.layers.add(key(diffId));
  }
}

/** An index, and what of its images is here. What is no manifest is kept as it is. */
function markDocument(store: Store, digest: Digest, live: Live, seen: Set<Digest>): void {
  if (seen.has(digest)) return;
  seen.add(digest);
  live.blobs.add(key(digest));
  const document = storedDocument(store, digest);
  if (document?.kind === "index") {
    for (const one of document.index.manifests) markDocument(store, one.digest, live, seen);
    return;
  }
  if (!document) return;
  live.images.add(key(digest));
  for (const { digest: blob } of [document.manifest.config, ...document.manifest.layers]) live.blobs.add(key(blob));
  const image = readImage(store, digest);
  if (image) markParts(image, live);
}

function sweepBlobs(store: Store, live: ReadonlySet<string>): { readonly bytes: number; readonly count: number } {
  let [bytes, count] = [0, 0];
  for (const algorithm of entries(`${store.directory}/${ROOMS.BLOBS}`)) {
    const directory = `${store.directory}/${ROOMS.BLOBS}/${algorithm}`;
    for (const name of allEntries(directory)) {
      if (live.has(`${algorithm}-${name}`)) continue;
      const path = `${directory}/${name}`;
      bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      count += isHidden(name) ? 0 : 1;
      rmSync(path, { force: true });
    }
  }
  return { bytes, count };
}

function sweepFiles({ directory }: Store, room: string, isLive: (name: string) => boolean): void {
  for (const name of allEntries(`${directory}/${room}`)) {
    if (isHidden(name) || !isLive(name)) rmSync(`${directory}/${room}/${name}`, { force: true });
  }
}

/** Names and volumes that somebody began to write, and did not live to finish. Volumes are made without holding the store, and quickly. */
async function sweepHalfMade({ directory }: Store, { remove }: Pick<LayerWorker, "remove">): Promise<void> {
  const visit = (path: string): void => {
    for (const entry of allEntries(path)) {
      if (isHidden(entry)) rmSync(`${path}/${entry}`, { force: true });
      else if (!entry.startsWith(":")) visit(`${path}/${entry}`);
    }
  };
  visit(`${directory}/${ROOMS.NAMES}`);
  for (const entry of allEntries(`${directory}/${ROOMS.VOLUMES}`).filter(isHidden)) {
    const path = `${directory}/${ROOMS.VOLUMES}/${entry}`;
    if (!isYoung(path)) await remove(path);
  }
}

/**
 * A container says that it uses a layer before it looks whether the layer is there. So one that is used since the marking is seen here, after the layer was put
 * aside, and the layer comes back.
 */
async function sweepLayers(store: Store, live: ReadonlySet<string>, { remove }: Pick<LayerWorker, "remove">) {
  const base = `${store.directory}/${ROOMS.LAYERS}`;
  let [bytes, count] = [0, 0];
  for (const name of allEntries(base)) {
    if (live.has(name)) continue;
    const path = `${base}/${name}`;
    if (!isHidden(name)) {
      const doomed = `${base}/~gone-${randomHex(8)}`;
      renameSync(path, doomed);
      if (isPinned(store, name)) {
        renameSync(doomed, path);
        continue;
      }
      bytes += sizeOf(doomed);
      count += 1;
      await remove(doomed);
    } else await remove(path);
  }
  return { bytes, count };
}

/** Whoever makes one, or a container's root from it, holds the store. */
async function sweepTrees(
  store: Store,
  images: ReadonlySet<string>,
  { remove }: Pick<LayerWorker, "remove">,
): Promise<void> {
  const base = treesDirectory(store);
  for (const name of allEntries(base)) if (!images.has(imageOfTree(name))) await remove(`${base}/${name}`);
}

const isPinned = (store: Store, name: string): boolean =>
  listPins(store).some(({ layer }) => layer?.layers.some((diffId) => key(diffId) === name));

function sizeOf(directory: string): number {
  const bytes = readIfThere(`${directory}/layer.json`);
  return bytes ? (JSON.parse(bytes.toString("utf8")) as UnpackedLayer).size : 0;
}

/** One that is being made has not said yet whose it is, for a moment: such a young one stays. */
const YOUNG_MS = 60_000;

async function sweepContainers(
  store: Store,
  worker: Pick<LayerWorker, "remove">,
  isUsed: CollectOptions["isUsed"],
): Promise<number> {
  let count = 0;
  for (const { directory, layer } of listPins(store)) {
    if (layer ? isUsed(layer, directory) : isYoung(directory)) continue;
    await removeContainer(directory, worker);
    count += 1;
  }
  const base = `${store.directory}/${ROOMS.CONTAINERS}`;
  for (const name of allEntries(base).filter(isHidden)) await worker.remove(`${base}/${name}`);
  return count;
}

function isYoung(directory: string): boolean {
  const stat = statSync(directory, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs < YOUNG_MS;
}
