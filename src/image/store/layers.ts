import { existsSync, rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { LibctError } from "../../errors.ts";
import { lock } from "../../executor/index.ts";
import { randomHex } from "../../linux/index.ts";
import { algorithmOf } from "../digest.ts";
import type { Descriptor, Digest } from "../types.ts";
import { dropDamaged, streamBlob } from "./blobs.ts";
import { hexOf } from "./digest.ts";
import { cannotWrite, makeDirectory, readIfThere, replaceFile } from "./files.ts";
import type { StoredImage } from "./images.ts";
import { hasLayer, layerPath, type UnpackedLayer } from "./layer-place.ts";
import { ROOMS, type Store } from "./place.ts";

/** Unpacks a layer's tar stream, compressed or not, into the directory, which it makes. Nothing is left of one that fails. */
export type Unpack = (
  content: AsyncIterable<Uint8Array>,
  directory: string,
  options: { readonly signal?: AbortSignal | undefined },
) => Promise<UnpackedLayer>;

export type Pack = (
  directory: string,
  options: { readonly signal?: AbortSignal | undefined; readonly ofRoot?: boolean | undefined },
) => AsyncIterable<Uint8Array>;

export type Apply = (content: AsyncIterable<Uint8Array>, directory: string) => Promise<void>;

/** Removes a directory with all that is in it, whoever owns it. */
export type RemoveTree = (directory: string) => Promise<void>;

/** Who unpacks and removes for this user. */
export interface LayerWorker {
  readonly unpack: Unpack;
  /** The upper directory of an overlay as a layer's archive. */
  readonly pack: Pack;
  /** Does what a layer's archive says in a plain directory that is there: whiteouts remove. */
  readonly apply: Apply;
  readonly remove: RemoveTree;
}

/** Which layer a blob is, if it was unpacked before: the blob's digest does not tell. */
function knownDiffId(store: Store, blob: Digest): Digest | undefined {
  const text = readIfThere(diffIdPath(store, blob))?.toString("utf8").trim() as Digest | undefined;
  return text !== undefined && hasLayer(store, text) ? text : undefined;
}

const diffIdPath = ({ directory }: Store, blob: Digest): string =>
  `${directory}/${ROOMS.DIFF_IDS}/${algorithmOf(blob)}-${hexOf(blob)}`;

export const isUnpacked = (store: Store, blob: Digest): boolean => knownDiffId(store, blob) !== undefined;

/**
 * Unpacks a layer whose blob is here, unless that was done before: by this process, or by another one that does it at this moment. Gives its diff id, which is that of
 * the uncompressed stream.
 */
export async function unpackLayer(
  store: Store,
  blob: Descriptor,
  worker: LayerWorker,
  signal?: AbortSignal,
): Promise<Digest> {
  const known = knownDiffId(store, blob.digest);
  if (known) return known;
  for (const room of [ROOMS.LOCKS, ROOMS.DIFF_IDS, ROOMS.LAYERS]) makeDirectory(`${store.directory}/${room}`);
  const file = `${store.directory}/${ROOMS.LOCKS}/layer-${hexOf(blob.digest)}`;
  return await lock(
    store.runner,
    file,
    async () => knownDiffId(store, blob.digest) ?? (await unpackFresh(store, blob, worker, signal)),
    { signal },
  );
}

async function unpackFresh(
  store: Store,
  blob: Descriptor,
  { unpack, remove }: LayerWorker,
  signal: AbortSignal | undefined,
): Promise<Digest> {
  const fresh = `${store.directory}/${ROOMS.LAYERS}/~new-${randomHex(8)}`;
  try {
    makeDirectory(fresh);
    const layer = await unpack(streamBlob(store, blob.digest), `${fresh}/diff`, { signal });
    replaceFile(`${fresh}/layer.json`, `${JSON.stringify(layer)}\n`);
    await take(fresh, layerPath(store, layer.diffId), remove);
    replaceFile(diffIdPath(store, blob.digest), `${layer.diffId}\n`);
    return layer.diffId;
  } catch (error) {
    if (existsSync(fresh)) await remove(fresh);
    if (error instanceof LibctError && error.code === "ERR_CT_LAYER" && (await dropDamaged(store, blob)))
      throw damaged(blob.digest, error);
    throw error;
  }
}

/** The same layer may have come as another blob meanwhile, as one that is compressed in another way. */
async function take(fresh: string, path: string, remove: RemoveTree): Promise<void> {
  try {
    await rename(fresh, path);
  } catch (error) {
    if (!existsSync(path)) throw cannotWrite(path, error);
    await remove(fresh);
  }
}

/** What a manifest lists must be what its config promises (image-spec, config.md, "rootfs"). */
export async function requireDiffId(
  store: Store,
  { blob, diffId: promised }: StoredImage["layers"][number],
  found: Digest,
  from: string,
): Promise<void> {
  if (found === promised) return;
  if (await dropDamaged(store, blob)) {
    rmSync(diffIdPath(store, blob.digest), { force: true });
    throw damaged(blob.digest);
  }
  throw new LibctError("ERR_CT_DIGEST", `${from}: the layer ${blob.digest} is ${found} in truth, and not ${promised}`, {
    hint: "the image is broken, or not to be trusted",
  });
}

const damaged = (digest: Digest, cause?: unknown) =>
  new LibctError("ERR_CT_DIGEST", `the store's copy of ${digest} was damaged, and was removed`, {
    hint: "pull the image again: what is missing is fetched",
    cause,
  });

/** Unpacking is work for a processor, and a little waiting for the disk. Each takes some 10 MB, so that on large machines there are no more. */
export const PARALLEL = Math.min(4, Math.max(2, availableParallelism()));
