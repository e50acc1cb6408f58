import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { ownRuntimeDirectory } from "../linux/index.ts";

/**
 * The directory that every container mounts its own scratch space over, in its own mount namespace: on the host it stays empty, and one is enough for all.
 * The user's own runtime directory when there is one, else a directory in /tmp that must be the user's alone.
 */
export function scratchDirectory(uid: number): string {
  const candidates = [ownRuntimeDirectory(), uid === 0 ? "/run" : undefined].filter((path) => path !== undefined);
  for (const base of candidates) {
    const path = `${base}/libct/scratch`;
    if (make(path)) return path;
  }
  const path = `/tmp/libct-${uid}/scratch`;
  if (make(path)) return path;
  throw new LibctError("ERR_CT_NOT_PERMITTED", `cannot make a private directory at ${path}`, {
    path,
    hint: "set XDG_RUNTIME_DIR to a directory that you own",
  });
}

/** Others may pass through it, as the ids of a user namespace are others here, but neither list nor change it. */
const MODE = 0o711;

function make(path: string): boolean {
  try {
    mkdirSync(path, { recursive: true, mode: MODE });
    const above = path.slice(0, path.lastIndexOf("/"));
    const parent = lstatSync(above);
    const own = parent.isDirectory() && parent.uid === process.geteuid?.();
    if (!own || (parent.mode & 0o022) !== 0) return false;
    for (const directory of [above, path]) {
      if ((lstatSync(directory).mode & 0o7777) !== MODE) chmodSync(directory, MODE);
    }
    return true;
  } catch {
    return false; // Not here (no such directory, read-only, not ours): the next candidate.
  }
}
