import { createReadStream, existsSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { LibctError } from "../../errors.ts";
import { lock } from "../../executor/index.ts";
import { algorithmOf } from "../digest.ts";
import type { BlobContent, Descriptor, Digest } from "../types.ts";
import { hexOf } from "./digest.ts";
import { cannotWrite, makeDirectory, readIfThere } from "./files.ts";
import { ROOMS, type Store } from "./place.ts";

export const blobPath = ({ directory }: Store, digest: Digest): string =>
  `${directory}/${ROOMS.BLOBS}/${algorithmOf(digest)}/${hexOf(digest)}`;

const partialPath = ({ directory }: Store, digest: Digest): string =>
  `${directory}/${ROOMS.PARTIAL}/${algorithmOf(digest)}-${hexOf(digest)}`;

export const hasBlob = (store: Store, digest: Digest): boolean => existsSync(blobPath(store, digest));

/** A small blob, such as a manifest; undefined when it is not here. */
export const readBlob = (store: Store, digest: Digest): Uint8Array | undefined => readIfThere(blobPath(store, digest));

/** The content from byte `from` on. */
export function streamBlob(store: Store, digest: Digest, from = 0): AsyncIterable<Uint8Array> {
  const path = blobPath(store, digest);
  if (!existsSync(path)) throw noSuchBlob(digest, path);
  return createReadStream(path, { start: from, highWaterMark: 1 << 20 });
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
    if (!hasBlob(store, descriptor.digest)) await receive(store, descriptor, content, signal);
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
    await append(file, resumed.content, resumed.from, partial, signal);
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

const goOn = (content: BlobContent, partial: string, size: number) =>
  content.resume({ size, content: createReadStream(partial, { end: size - 1, highWaterMark: 1 << 20 }) });

/** So much is collected before it is written: a system call, and a change of threads, for each piece of the network's would cost more than the writing. */
const BATCH = 1 << 20;

async function append(
  file: FileHandle,
  content: AsyncIterable<Uint8Array>,
  from: number,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  let [waiting, collected, position]: [Uint8Array[], number, number] = [[], 0, from];
  const flush = async (): Promise<void> => {
    const pieces = waiting;
    [waiting, collected] = [[], 0];
    position = await writeAll(file, pieces, position).catch((error: unknown) => {
      throw cannotWrite(path, error);
    });
  };
  try {
    for await (const chunk of content) {
      signal?.throwIfAborted();
      waiting.push(chunk);
      collected += chunk.length;
      if (collected >= BATCH) await flush();
    }
  } finally {
    await flush();
  }
}

/** Gives the position behind what was written. */
async function writeAll(file: FileHandle, pieces: readonly Uint8Array[], position: number): Promise<number> {
  const end = pieces.reduce((sum, { length }) => sum + length, position);
  if (end === position) return end;
  const { bytesWritten } = await file.writev([...pieces], position);
  if (position + bytesWritten === end) return end;
  // The kernel may take less than all, at the end of a disk that is almost full.
  const rest = Buffer.concat(pieces).subarray(bytesWritten);
  for (let at = 0; at < rest.length; ) {
    at += (await file.write(rest, at, rest.length - at, position + bytesWritten + at)).bytesWritten;
  }
  return end;
}

export const noSuchBlob = (digest: Digest, path: string): LibctError =>
  new LibctError("ERR_CT_STORE", `the blob ${digest} is not in the store`, {
    path,
    hint: "pull the image again, or remove it: ct image rm",
  });
