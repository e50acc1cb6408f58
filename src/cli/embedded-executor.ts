import { accessSync, closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { LibctError } from "../errors.ts";

/** The part of Bun's API that tells what a single-file program carries. */
interface EmbeddedFile extends Blob {
  readonly name: string;
}
const bun = (globalThis as { Bun?: { embeddedFiles: readonly EmbeddedFile[] } }).Bun;

/** A file without a name, which can be executed until it is let go. */
export interface ExecutorFile {
  readonly path: string;
  release(): void;
}

/** The executor that this single-file program carries, as a file that the kernel can execute. */
export function extractExecutor(): ExecutorFile {
  const name = bun?.embeddedFiles.find((file) => file.name.includes("ct-executor"))?.name;
  if (name === undefined) throw new LibctError("ERR_CT_EXECUTOR", "this program was built without an executor");
  return placeExecutable(readFileSync(`/$bunfs/root/${name}`), directories());
}

/** Memory first. Directories may be missing, read-only or mounted with noexec. */
const directories = () =>
  [process.env.XDG_RUNTIME_DIR, "/dev/shm", tmpdir(), "/run"].filter((path) => path !== undefined && path !== "");

/**
 * Puts a program into the first directory that lets it be executed, and takes the name away at once: so nobody else can come between, and nothing is
 * left when this process is killed.
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
  const directory = mkdtempSync(`${place}/ct-`);
  try {
    const path = `${directory}/ct-executor`;
    writeFileSync(path, content, { mode: 0o700 });
    // On a filesystem mounted with noexec this fails for regular files (access(2), EACCES).
    accessSync(path, constants.X_OK);
    const fd = openSync(path, "r");
    return { path: `/proc/${process.pid}/fd/${fd}`, release: () => closeSync(fd) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
