import { LibctError } from "../errors.ts";

export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw aborted(signal, what);
}

export const aborted = (signal: AbortSignal, what: string): LibctError =>
  new LibctError("ERR_CT_ABORTED", `${what} was aborted`, { cause: signal.reason });

/** The content, as long as nobody gives up. */
export async function* untilAborted(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  what: string,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    throwIfAborted(signal, what);
    yield chunk;
  }
}
