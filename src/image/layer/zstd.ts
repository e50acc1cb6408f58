import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { badLayer } from "./layer-error.ts";
import { through } from "./through.ts";

/** Node has zstd since 22.15, Bun since 1.3; the types here are those of Node 20. */
const { createZstdDecompress } = zlib as unknown as {
  readonly createZstdDecompress?: (options: { readonly chunkSize: number }) => Transform;
};
const PIECE = 128 * 1024;

/** Uncompresses all frames; those that mean nothing to zstd (RFC 8878, "Skippable Frames") are passed over. */
export const unzstd = (source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
  createZstdDecompress ? through(source, createZstdDecompress({ chunkSize: PIECE }), "zstd") : unzstdInScript(source);

/** For Node 20: several times as slow, and in this thread. */
async function* unzstdInScript(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const { Decompress } = await import("fzstd");
  const ready: Uint8Array[] = [];
  const stream = new Decompress((piece) => {
    if (piece.length > 0) ready.push(piece);
  });
  const push = (chunk: Uint8Array, last: boolean) => {
    try {
      stream.push(chunk, last);
    } catch (error) {
      throw badLayer(`the layer's zstd compression is damaged: ${(error as Error).message}`);
    }
  };
  for await (const chunk of source) {
    push(chunk, false);
    yield* ready.splice(0);
  }
  push(new Uint8Array(0), true);
  yield* ready;
}
