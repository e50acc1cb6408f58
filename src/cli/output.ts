/** Writes text and waits until it is out. That nobody reads any more is no error: `ct explain ... | head`. */
export function print(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return write(stream, text).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error;
  });
}

const guarded = new WeakSet<NodeJS.WriteStream>();

/** Resolves when the bytes are out: so a slow reader slows the writer. */
export function write(stream: NodeJS.WriteStream, content: string | Uint8Array): Promise<void> {
  if (!guarded.has(stream)) {
    guarded.add(stream);
    // An error also comes as an event, at once or later, and would end the program if nobody listened. Who writes learns it from the promise.
    stream.on("error", () => undefined);
  }
  return new Promise((resolve, reject) => {
    stream.write(content, (error) => (error ? reject(error) : resolve()));
  });
}

/** What is done with a command's output. */
export interface Sink {
  /** How many bytes are taken. */
  readonly most: number;
  take(chunk: Uint8Array): void | Promise<void>;
  /** Called when there are more bytes, or when nobody takes them any more. */
  stop(why: "output-limit" | "aborted"): void;
}

/** Reads a stream to its end, also when nothing more is taken: the command must not hang. */
export async function drain(source: AsyncIterable<Uint8Array> | null, sink: Sink): Promise<void> {
  let room = sink.most;
  for await (const chunk of source ?? []) {
    if (chunk.length > room) sink.stop("output-limit");
    if (room > 0) {
      try {
        await sink.take(chunk.subarray(0, room));
      } catch {
        room = 0;
        sink.stop("aborted");
      }
    }
    room = Math.max(0, room - chunk.length);
  }
}
