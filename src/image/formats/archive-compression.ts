import { type Compression, decompress, detectCompression } from "../layer/compression.ts";
import { readStream } from "./files.ts";

/** Of a file, by its first bytes. */
export async function compressionOf(path: string): Promise<Compression> {
  for await (const chunk of readStream(path, 0, 4)) return detectCompression(chunk);
  return "none";
}

/** What is in a compressed archive (docker load takes `docker save | gzip`, too); undefined when it is not compressed. */
export async function decompressArchive(path: string): Promise<AsyncIterable<Uint8Array> | undefined> {
  if ((await compressionOf(path)) === "none") return undefined;
  return (await decompress(readStream(path, 0))).content;
}
