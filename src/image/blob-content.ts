import { type Verifier, verifier } from "./digest.ts";
import type { BlobContent, Descriptor, ImageSource } from "./types.ts";

export interface ContentOptions {
  readonly signal?: AbortSignal | undefined;
  /** Is told how many bytes of the blob there are by now, those that were there before with them. */
  readonly progress?: ((bytes: number) => void) | undefined;
  /** Is told that a destination goes on with a part that it had. */
  readonly resumed?: (() => void) | undefined;
}

/** A blob of a source, checked on the way (see BlobContent). */
export function blobContent(source: ImageSource, descriptor: Descriptor, options: ContentOptions = {}): BlobContent {
  const { signal, progress = () => undefined } = options;
  return {
    async *[Symbol.asyncIterator]() {
      const check = verifier(descriptor, source.name);
      const { from, content } = await source.blob(descriptor, { signal });
      if (from !== 0) throw new RangeError(`${source.name} began at byte ${from}, and was not asked to`);
      yield* checked(content, check, progress);
    },
    async resume(part) {
      const check = verifier(descriptor, source.name);
      if (part.size === 0 || part.size > descriptor.size) {
        return { from: 0, content: this };
      }
      for await (const chunk of part.content) check.take(chunk);
      options.resumed?.();
      // All of it is there, and nobody has checked it yet.
      if (check.size === descriptor.size) return { from: check.size, content: checked([], check, progress) };
      const { from, content } = await source.blob(descriptor, { from: check.size, signal });
      if (from === check.size) return { from, content: checked(content, check, progress) };
      return { from: 0, content: checked(content, verifier(descriptor, source.name), progress) };
    },
  };
}

async function* checked(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  check: Verifier,
  progress: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    check.take(chunk);
    progress(check.size);
    yield chunk;
  }
  check.end();
}

/** Content that is in memory, and was checked. */
export function bytesContent(bytes: Uint8Array): BlobContent {
  return {
    async *[Symbol.asyncIterator]() {
      yield bytes;
    },
    async resume() {
      return { from: 0, content: this };
    },
  };
}
