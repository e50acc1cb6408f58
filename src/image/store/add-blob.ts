import { createHash } from "node:crypto";
import { renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { randomHex } from "../../linux/index.ts";
import type { Digest } from "../types.ts";
import { blobPath } from "./blobs.ts";
import { cannotWrite, makeDirectory } from "./files.ts";
import { ROOMS, type Store } from "./place.ts";

/** A layer that was made here. */
export interface AddedLayer {
  readonly digest: Digest;
  readonly size: number;
  /** Of the uncompressed archive. */
  readonly diffId: Digest;
}

/** Compresses a layer's archive, and keeps it under its digest. */
export async function addLayer(store: Store, tar: AsyncIterable<Uint8Array>): Promise<AddedLayer> {
  const room = `${store.directory}/${ROOMS.PARTIAL}`;
  makeDirectory(room);
  const fresh = `${room}/~${randomHex(8)}`;
  const [inner, outer] = [createHash("sha256"), createHash("sha256")];
  let size = 0;
  try {
    const file = await open(fresh, "wx", 0o644);
    try {
      for await (const chunk of gzip(tar, (bytes) => inner.update(bytes))) {
        outer.update(chunk);
        for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
        size += chunk.length;
      }
      // As with a blob that is fetched: its name may not last longer than its content.
      await file.datasync();
    } finally {
      await file.close();
    }
    const digest: Digest = `sha256:${outer.digest("hex")}`;
    const path = blobPath(store, digest);
    makeDirectory(path.slice(0, path.lastIndexOf("/")));
    renameSync(fresh, path);
    return { digest, size, diffId: `sha256:${inner.digest("hex")}` };
  } catch (error) {
    rmSync(fresh, { force: true });
    throw cannotWrite(fresh, error);
  }
}

/** The header that zlib writes has no time in it: equal layers give equal blobs. */
async function* gzip(tar: AsyncIterable<Uint8Array>, see: (bytes: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  const packed = createGzip();
  const seen = async function* () {
    for await (const bytes of tar) {
      see(bytes);
      yield bytes;
    }
  };
  // Whoever reads learns of an error from the stream; who reads no further ends the source, too.
  const feeding = pipeline(seen, packed).catch(() => undefined);
  try {
    yield* packed as AsyncIterable<Uint8Array>;
  } finally {
    packed.destroy();
    await feeding;
  }
}
