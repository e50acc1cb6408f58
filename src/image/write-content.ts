import type { FileHandle } from "node:fs/promises";

/** So much is collected before it is written: a system call and a change of threads for each piece of the network's would cost more than the writing. */
const BATCH = 256 * 1024;

/** Writes content into a file from byte `at` on, and gives where it ended. What the file does not take is told by `failure`; other errors are the content's. */
export async function writeContent(
  file: FileHandle,
  content: AsyncIterable<Uint8Array>,
  at: number,
  failure: (error: unknown) => unknown = (error) => error,
): Promise<number> {
  let [position, waiting, length]: [number, Uint8Array[], number] = [at, [], 0];
  const flush = async (): Promise<void> => {
    if (length === 0) return;
    const [pieces, total] = [waiting, length];
    [waiting, length] = [[], 0];
    try {
      const { bytesWritten } = await file.writev(pieces, position);
      position += bytesWritten;
      // The kernel may take less than all, at the end of a disk that is almost full.
      if (bytesWritten < total)
        position += await writeRest(file, Buffer.concat(pieces).subarray(bytesWritten), position);
    } catch (error) {
      throw failure(error);
    }
  };
  try {
    for await (const chunk of content) {
      waiting.push(chunk);
      length += chunk.length;
      if (length >= BATCH) await flush();
    }
  } finally {
    // What has come counts, also when the rest does not: a transfer may go on there.
    await flush();
  }
  return position;
}

async function writeRest(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
  return bytes.length;
}
