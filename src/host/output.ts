import type { Readable } from "node:stream";

/** Keeps what a stream gives, up to a limit. */
export class Collector {
  readonly done: Promise<void>;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(stream: Readable | null, limit: number, exceeded: () => void) {
    this.done = stream ? this.#collect(stream, limit, exceeded) : Promise.resolve();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  async #collect(stream: Readable, limit: number, exceeded: () => void): Promise<void> {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      const room = limit - this.#length;
      if (room >= chunk.length) {
        this.#chunks.push(chunk);
      } else {
        if (room > 0) this.#chunks.push(chunk.subarray(0, room));
        exceeded();
      }
      this.#length += Math.min(chunk.length, Math.max(room, 0));
    }
  }
}
