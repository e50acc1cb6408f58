import { lstatSync } from "node:fs";

/** Whether a directory is the user's, and nobody else may make anything in it. */
export function isOwnDirectory(path: string, uid: number | undefined): boolean {
  const { uid: owner, mode } = lstatSync(path);
  return owner === uid && (mode & 0o022) === 0;
}

/**
 * The user's runtime directory (XDG Base Directory Specification), if it is his: `su` and `sudo -E` leave that of who has called them, who may exchange whatever
 * is made there.
 */
export function ownRuntimeDirectory(
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const { XDG_RUNTIME_DIR: path } = env;
  try {
    return path && isOwnDirectory(path, process.geteuid?.()) ? path : undefined;
  } catch {
    return undefined; // There is none.
  }
}
