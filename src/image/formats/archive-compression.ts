import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { LibctError } from "../../errors.ts";
import { fileError, readStream } from "./files.ts";

/** By the first bytes (RFC 1952, RFC 8878). */
export function compressionOf(head: Uint8Array): "none" | "gzip" | "zstd" {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  return head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd ? "zstd" : "none";
}

/** What is in a compressed archive (docker load takes `docker save | gzip`, too); undefined when it is not compressed. */
export async function decompressArchive(path: string): Promise<AsyncIterable<Uint8Array> | undefined> {
  const head = await beginning(path);
  const compression = compressionOf(head);
  if (compression === "none") return undefined;
  if (compression === "gzip") return gunzip(path);
  throw new LibctError("ERR_CT_NOT_SUPPORTED", `${path} is compressed with zstd, which archives of images are not`, {
    path,
    hint: "zstd -d makes a plain archive of it",
  });
}

async function beginning(path: string): Promise<Uint8Array> {
  for await (const chunk of readStream(path, 0, 4)) return chunk;
  return new Uint8Array();
}

async function* gunzip(path: string): AsyncGenerator<Uint8Array> {
  const unzip = createGunzip({ chunkSize: 256 * 1024 });
  const failed = pipeline(Readable.from(readStream(path, 0)), unzip).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    yield* unzip as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw fileError("read", path, (await failed) ?? error);
  }
}
