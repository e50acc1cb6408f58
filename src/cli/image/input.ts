import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { pipeline } from "node:stream/promises";

/** A file, or standard input as one: an archive is read more than once. */
export async function withInput<T>(file: string | undefined, use: (file: string) => PromiseLike<T>): Promise<T> {
  if (file !== undefined) return await use(file);
  const directory = mkdtempSync(`${tmpdir()}/ct-input-`);
  try {
    await pipeline(process.stdin, createWriteStream(`${directory}/archive`, { mode: 0o600 }));
    return await use(`${directory}/archive`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
