/** What several sources give, as it comes; ends when all have ended. Who stops reading must end the sources by other means: they are not waited for. */
export async function* merge<T>(...sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const waiting = new Map(iterators.map((iterator) => [iterator, step(iterator)]));
  try {
    while (waiting.size > 0) {
      const { iterator, result } = await Promise.race(waiting.values());
      if (result.done) {
        waiting.delete(iterator);
        continue;
      }
      waiting.set(iterator, step(iterator));
      yield result.value;
    }
  } finally {
    for (const [iterator, pending] of waiting) {
      pending.catch(() => undefined); // Nobody is left to be told.
      iterator.return?.().catch(() => undefined);
    }
  }
}

async function step<T>(iterator: AsyncIterator<T>) {
  return { iterator, result: await iterator.next() };
}
