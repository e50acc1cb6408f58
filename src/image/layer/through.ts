import type { Transform } from "node:stream";
import { LibctError } from "../../errors.ts";
import { badLayer } from "./layer-error.ts";

/** What comes out of a stream that `source` is put into. An error of the source is the reader's; when the reader goes, the source ends. */
export async function* through(
  source: AsyncIterable<Uint8Array>,
  stream: Transform,
  what: string,
): AsyncGenerator<Uint8Array, void, void> {
  const feeding = feed(source, stream);
  // It destroys the stream, which throws below.
  feeding.catch((error: Error) => stream.destroy(error));
  try {
    for await (const piece of stream) yield piece as Uint8Array;
    await feeding;
  } catch (error) {
    if (error instanceof LibctError || !isOfStream(error)) throw error;
    throw Object.assign(badLayer(`the layer's ${what} compression is damaged: ${(error as Error).message}`), {
      cause: error,
    });
  } finally {
    stream.destroy();
  }
}

const isOfStream = (error: unknown): boolean =>
  /^(Z_|ERR_ZSTD|ZSTD_)/.test(String((error as NodeJS.ErrnoException).code));

async function feed(source: AsyncIterable<Uint8Array>, stream: Transform): Promise<void> {
  for await (const chunk of source) {
    if (stream.destroyed) return;
    if (!stream.write(chunk)) await drained(stream);
  }
  stream.end();
}

function drained(stream: Transform): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.once("drain", done).once("close", done);
  });
}
