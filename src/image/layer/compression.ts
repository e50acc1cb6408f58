import { badLayer } from "./layer-error.ts";

export type Compression = "none" | "gzip" | "zstd";

/** Bytes that must be there to tell. */
const MAGIC_LENGTH = 4;

/**
 * By the first bytes, not by the media type, which many have got wrong. zstd:chunked and estargz are zstd and gzip with frames that a reader may pass over:
 * the first may begin with one of those (RFC 8878, "Skippable Frames").
 */
export function detectCompression(head: Uint8Array): Compression {
  const [a = 0, b = 0, c = 0, d = 0] = head;
  if (a === 0x1f && b === 0x8b) return "gzip";
  if (b === 0xb5 && c === 0x2f && d === 0xfd && a === 0x28) return "zstd";
  if ((a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18) return "zstd";
  const other = OTHERS.find(({ magic }) => magic.every((byte, index) => head[index] === byte));
  if (other)
    throw badLayer(`the layer is compressed with ${other.name}; layers of images are gzip, zstd or not compressed`);
  return "none";
}

const OTHERS: readonly { readonly name: string; readonly magic: readonly number[] }[] = [
  { name: "xz", magic: [0xfd, 0x37, 0x7a, 0x58] },
  { name: "bzip2", magic: [0x42, 0x5a, 0x68] },
];

/** The uncompressed content of a layer in whatever form it comes, and which form that is. */
export async function decompress(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly compression: Compression; readonly content: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  for (let length = 0; length < MAGIC_LENGTH; ) {
    const next = await iterator.next();
    if (next.done) break;
    head.push(next.value);
    length += next.value.length;
  }
  const rest = { [Symbol.asyncIterator]: () => iterator };
  const whole = chain(head, rest);
  const compression = await detected(head, iterator);
  if (compression === "none") return { compression, content: whole };
  if (compression === "gzip") return { compression, content: (await import("./gzip.ts")).gunzip(whole) };
  return { compression, content: (await import("./zstd.ts")).unzstd(whole) };
}

async function detected(head: readonly Uint8Array[], iterator: AsyncIterator<Uint8Array>): Promise<Compression> {
  try {
    return detectCompression(Buffer.concat(head.map((part) => part.subarray(0, MAGIC_LENGTH))));
  } catch (error) {
    await iterator.return?.();
    throw error;
  }
}

async function* chain(head: readonly Uint8Array[], rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* head;
  yield* rest;
}
