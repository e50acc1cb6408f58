import { closeSync, createWriteStream, openSync, rmSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { randomHex } from "../../linux/index.ts";

/** A file, or standard input as one: an archive is read more than once. /tmp may be memory. */
export async function withInput<T>(file: string | undefined, use: (file: string) => PromiseLike<T>): Promise<T> {
  if (file !== undefined) return await use(file);
  const path = `${process.env.TMPDIR || "/var/tmp"}/ct-input-${randomHex(8)}`;
  const fd = openSync(path, "wx+", 0o600);
  try {
    // It has no name any more: however this process ends, nothing is left.
    rmSync(path);
    await pipeline(process.stdin, createWriteStream("", { fd, autoClose: false }));
    return await use(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}
