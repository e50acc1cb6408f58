import { mkdirSync } from "node:fs";
import { changedByOthers, LibctError } from "../errors.ts";
import { absolutePath, isOwnDirectory } from "../linux/index.ts";
import { scratchDirectory } from "./scratch.ts";

/**
 * Where the records of this user's containers are: "containers" in the given directory, or in the user's runtime directory (/run/libct for root,
 * $XDG_RUNTIME_DIR/libct). It is made when the first record is.
 */
export function recordsDirectory(uid: number, given: string | undefined): string {
  if (given === undefined) return absolutePath(`${scratchDirectory(uid)}/../containers`);
  const path = absolutePath(given);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    throw new LibctError("ERR_CT_STATE", `cannot make the state directory ${path}: ${code}`, {
      path,
      errno: code,
      syscall,
      cause,
    });
  }
  if (!isOwnDirectory(path, uid)) throw changedByOthers(path, uid);
  return `${path}/containers`;
}
