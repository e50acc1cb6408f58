import { LibctError } from "../errors.ts";
import { blobContent } from "./blob-content.ts";
import type { Descriptor, ImageSource } from "./types.ts";

/** A small blob as bytes, checked. */
export async function readBlob(
  source: ImageSource,
  descriptor: Descriptor,
  most: number,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Uint8Array> {
  if (descriptor.size > most) throw tooLarge(`${source.name}: ${descriptor.digest}`, most);
  return collectBytes(blobContent(source, descriptor, options), most, source.name);
}

/** All of the content, unless it is more than `most`. */
export async function collectBytes(
  content: AsyncIterable<Uint8Array>,
  most: number,
  what: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > most) throw tooLarge(what, most);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const tooLarge = (what: string, most: number) =>
  new LibctError("ERR_CT_IMAGE", `${what}: longer than the ${most} bytes that libct reads of such documents`);
