import { statSync } from "node:fs";
import { untilAborted } from "../abort.ts";
import { type Compression, decompress, detectCompression } from "../layer/compression.ts";
import { checkLimits, DEFAULT_LIMITS } from "../layer/layer-limits.ts";
import { readStream } from "./files.ts";

/** Of a file, by its first bytes. */
export async function compressionOf(path: string): Promise<Compression> {
  for await (const chunk of readStream(path, 0, 4)) return detectCompression(chunk);
  return "none";
}

/** What is in a compressed archive (docker load takes `docker save | gzip`, too); undefined when it is not compressed. */
export async function decompressArchive(
  path: string,
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  if ((await compressionOf(path)) === "none") return undefined;
  const { content } = await decompress(readStream(path, 0, undefined, signal));
  return bounded(untilAborted(content, signal, `reading ${path}`), path);
}

/** What is uncompressed is written down, and looked through: so there is no more of it than a layer may have. */
async function* bounded(content: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const compressed = statSync(path).size;
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    checkLimits(DEFAULT_LIMITS, compressed, size, 0);
    yield chunk;
  }
}
