import { renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { randomHex } from "../../linux/index.ts";
import type { Output } from "./archive-writer.ts";
import { fileError } from "./files.ts";

/** A file that is there when it is whole. */
export async function fileOutput(path: string): Promise<Output> {
  const fresh = `${path}.~${randomHex(8)}`;
  const file = await open(fresh, "wx").catch((error: unknown) => {
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
      renameSync(fresh, path);
    },
    async discard() {
      await file.close();
      rmSync(fresh, { force: true });
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
