import { lstat, readdir } from "node:fs/promises";
import type { UsageOf } from "./usage.ts";

const BLOCK = 512;

/** Files below a path, and what they take on the disk; hard links are counted once. What this user may not read is not counted. */
export async function diskUsage(path: string): Promise<UsageOf> {
  const seen = new Set<string>();
  let [count, size] = [0, 0];
  const visit = async (at: string): Promise<void> => {
    const names = await readdir(at).catch(() => []);
    for (const name of names) {
      // It may go away while it is looked at.
      const stat = await lstat(`${at}/${name}`).catch(() => undefined);
      if (!stat) continue;
      if (stat.isDirectory()) await visit(`${at}/${name}`);
      const id = `${stat.dev}:${stat.ino}`;
      if (stat.nlink > 1 && !stat.isDirectory()) {
        if (seen.has(id)) continue;
        seen.add(id);
      }
      count += stat.isDirectory() ? 0 : 1;
      size += stat.blocks * BLOCK;
    }
  };
  await visit(path);
  return { count, size };
}
