/** Something that takes its time: what it comes to, and how far it is. */
export interface Transfer<E, T> extends AsyncIterable<E>, PromiseLike<T> {}

/**
 * Begins at once. Who awaits it gets the result, and who iterates over it what happens on the way, up to the end; an error comes to both.
 *
 * @example
 * for await (const event of host.images.pull("alpine")) console.log(event);
 */
export function transfer<E, T>(act: (tell: (event: E) => void) => Promise<T>): Transfer<E, T> {
  const queue = new EventQueue<E>();
  const result = act((event) => queue.push(event));
  const end = () => queue.end();
  // Who only iterates sees the error there.
  result.then(end, end);
  return {
    // biome-ignore lint/suspicious/noThenProperty: it is meant to be awaited.
    then: (fulfilled, rejected) => result.then(fulfilled, rejected),
    async *[Symbol.asyncIterator]() {
      yield* queue.events();
      await result;
    },
  };
}

class EventQueue<E> {
  #events: E[] = [];
  #ended = false;
  #wake: (() => void) | undefined;
  /** Nobody has asked for them, perhaps nobody will: then they are not kept for ever. */
  #wanted = false;

  push(event: E): void {
    if (!this.#wanted && this.#events.length >= MOST_UNREAD) this.#events.shift();
    this.#events.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *events(): AsyncGenerator<E> {
    this.#wanted = true;
    for (;;) {
      const ready = this.#events;
      this.#events = [];
      yield* ready;
      if (this.#events.length > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const MOST_UNREAD = 1000;
