import { createReadStream, existsSync, rmSync, statSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { LibctError } from "../../errors.ts";
import { lock } from "../../executor/index.ts";
import { algorithmOf, verifier } from "../digest.ts";
import type { BlobContent, Descriptor, Digest } from "../types.ts";
import { writeContent } from "../write-content.ts";
import { hexOf } from "./digest.ts";
import { cannotWrite, makeDirectory, readIfThere } from "./files.ts";
import { ROOMS, type Store } from "./place.ts";

export const blobPath = ({ directory }: Store, digest: Digest): string =>
  `${directory}/${ROOMS.BLOBS}/${algorithmOf(digest)}/${hexOf(digest)}`;

const partialPath = ({ directory }: Store, digest: Digest): string =>
  `${directory}/${ROOMS.PARTIAL}/${algorithmOf(digest)}-${hexOf(digest)}`;

/** Whole, as far as its length tells: a machine that loses its power may keep a name, and not what it is for. */
export const hasBlob = (store: Store, { digest, size }: Pick<Descriptor, "digest" | "size">): boolean =>
  statSync(blobPath(store, digest), { throwIfNoEntry: false })?.size === size;

/** A small blob, such as a manifest; undefined when it is not here. */
export const readBlob = (store: Store, digest: Digest): Uint8Array | undefined => readIfThere(blobPath(store, digest));

/** The content from byte `from` on. */
export function streamBlob(store: Store, digest: Digest, from = 0): AsyncIterable<Uint8Array> {
  const path = blobPath(store, digest);
  if (!existsSync(path)) throw noSuchBlob(digest, path);
  return createReadStream(path, { start: from, highWaterMark: 1 << 18 });
}

/**
 * Keeps a blob. What has come of one that breaks off stays, so that another try can go on there; of several processes that want the same blob one takes it, and
 * the others find it here.
 */
export async function putBlob(
  store: Store,
  descriptor: Descriptor,
  content: BlobContent,
  signal?: AbortSignal,
): Promise<void> {
  const locks = `${store.directory}/${ROOMS.LOCKS}`;
  makeDirectory(locks);
  const take = async (): Promise<void> => {
    if (!hasBlob(store, descriptor)) await receive(store, descriptor, content, signal);
  };
  await lock(store.runner, `${locks}/blob-${hexOf(descriptor.digest)}`, take, { signal });
}

async function receive(
  store: Store,
  { digest, size }: Descriptor,
  content: BlobContent,
  signal: AbortSignal | undefined,
): Promise<void> {
  const [partial, path] = [partialPath(store, digest), blobPath(store, digest)];
  for (const file of [partial, path]) makeDirectory(file.slice(0, file.lastIndexOf("/")));
  const here = statSync(partial, { throwIfNoEntry: false })?.size ?? 0;
  // What is as long as it should be, and was not renamed, may be anything.
  const resumed = here > 0 && here < size ? await goOn(content, partial, here) : { from: 0, content };
  const file = await open(partial, resumed.from > 0 ? "r+" : "w", 0o644).catch((error: unknown) => {
    throw cannotWrite(partial, error);
  });
  try {
    await file.truncate(resumed.from);
    await writeContent(file, until(signal, resumed.content), resumed.from, (error) => cannotWrite(partial, error));
    // A name that is there without its content, after a loss of power, would be believed.
    await file.datasync();
  } catch (error) {
    // What was wrong is not kept; what merely broke off is.
    if (error instanceof LibctError && error.code === "ERR_CT_DIGEST") rmSync(partial, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(partial, path).catch((error: unknown) => {
    throw cannotWrite(path, error);
  });
}

/** Removes a blob that is not what its digest says, so that another pull brings it again. False: it is what it should be. */
export async function dropDamaged(store: Store, descriptor: Descriptor): Promise<boolean> {
  const path = blobPath(store, descriptor.digest);
  const check = verifier(descriptor, path);
  try {
    for await (const chunk of streamBlob(store, descriptor.digest)) check.take(chunk);
    check.end();
    return false;
  } catch (error) {
    if (!(error instanceof LibctError) || error.code !== "ERR_CT_DIGEST") throw error;
    rmSync(path, { force: true });
    return true;
  }
}

const goOn = (content: BlobContent, partial: string, size: number) =>
  content.resume({ size, content: createReadStream(partial, { end: size - 1, highWaterMark: 1 << 18 }) });

async function* until(signal: AbortSignal | undefined, content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of content) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

export const noSuchBlob = (digest: Digest, path: string): LibctError =>
  new LibctError("ERR_CT_STORE", `the blob ${digest} is not in the store`, {
    path,
    hint: "pull the image again, or remove it: ct image rm",
  });
