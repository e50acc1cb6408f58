import { lstatSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { randomHex } from "../../linux/index.ts";
import type { Output } from "./archive-writer.ts";
import { fileError } from "./files.ts";

/** A file that is there when it is whole. What is there and no plain file (/dev/stdout, a FIFO, a link) is written into, and stays what it is. */
export async function fileOutput(path: string): Promise<Output> {
  const replaces = lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
  const place = replaces ? `${path}.~${randomHex(8)}` : path;
  const file = await open(place, replaces ? "wx" : "w").catch((error: unknown) => {
    throw fileError("write", path, error);
  });
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at).catch((error: unknown) => {
          throw fileError("write", path, error);
        });
        at += bytesWritten;
      }
    },
    async finish() {
      await file.close();
      if (replaces) renameSync(place, path);
    },
    async discard() {
      await file.close();
      if (replaces) rmSync(place, { force: true });
    },
  };
}

/** A stream of somebody else's, such as standard output: what has been written cannot be taken back. */
export function streamOutput(stream: NodeJS.WritableStream): Output {
  // The error of a write comes to who writes; as an event that nobody listens to it would end the process.
  stream.on("error", () => undefined);
  return {
    write: (bytes) =>
      new Promise((resolve, reject) =>
        stream.write(bytes, (error) => (error ? reject(fileError("write", "the stream", error)) : resolve())),
      ),
    finish: async () => undefined,
    discard: async () => undefined,
  };
}
