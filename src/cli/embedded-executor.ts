import { accessSync, closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { LibctError } from "../errors.ts";
import type { ExecutorFile } from "../executor/index.ts";

/** The part of Bun's API that tells what a single-file program carries. */
interface EmbeddedFile extends Blob {
  readonly name: string;
}
const bun = (globalThis as { Bun?: { embeddedFiles: readonly EmbeddedFile[] } }).Bun;

/** The executor that this single-file program carries, as a file that the kernel can execute. */
export function extractExecutor(): ExecutorFile {
  const name = bun?.embeddedFiles.find((file) => file.name.includes("ct-executor"))?.name;
  if (name === undefined) throw new LibctError("ERR_CT_EXECUTOR", "this program was built without an executor");
  return placeExecutable(readFileSync(`/$bunfs/root/${name}`), directories());
}

/** Memory first. Directories may be missing, read-only or mounted with noexec. */
const directories = () =>
  [process.env.XDG_RUNTIME_DIR, "/dev/shm", process.env.TMPDIR ?? "/tmp", "/run"].filter(
    (path) => path !== undefined && path !== "",
  );

/**
 * Puts a program into the first directory that lets it be executed, without a name: so nobody else can come between, and nothing is left when this process
 * is killed.
 */
export function placeExecutable(content: Uint8Array, places: readonly (string | undefined)[]): ExecutorFile {
  const failures: string[] = [];
  for (const place of places) {
    try {
      return placeIn(`${place}`, content);
    } catch (error) {
      failures.push(`${place}: ${(error as NodeJS.ErrnoException).code}`);
    }
  }
  throw new LibctError("ERR_CT_EXECUTOR", `no directory for the executor (${failures.join(", ")})`, {
    hint: "set TMPDIR to a directory that can be written and is not mounted with noexec",
  });
}

function placeIn(place: string, content: Uint8Array): ExecutorFile {
  const writable = openNameless(place);
  try {
    writeSync(writable, content);
    const path = `/proc/${process.pid}/fd/${writable}`;
    // On a filesystem mounted with noexec this fails for regular files (access(2), EACCES).
    accessSync(path, constants.X_OK);
    // A file that is open for writing cannot be executed (execve(2), ETXTBSY).
    const fd = openSync(path, constants.O_RDONLY);
    return { path: `/proc/${process.pid}/fd/${fd}`, release: () => closeSync(fd) };
  } finally {
    closeSync(writable);
  }
}

/** A new file that never had a name, or where the filesystem cannot do that, has lost it. */
function openNameless(place: string): number {
  try {
    return openSync(place, TMPFILE | constants.O_WRONLY, 0o700);
  } catch {
    const directory = mkdtempSync(`${place}/ct-`);
    try {
      return openSync(`${directory}/ct-executor`, "wx", 0o700);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

/** O_TMPFILE contains O_DIRECTORY, which is another bit on each architecture (open(2)). */
const TMPFILE = 0o20000000 | constants.O_DIRECTORY;
