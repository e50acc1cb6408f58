import { rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { randomHex } from "../../linux/index.ts";
import { fileError } from "./files.ts";

/** A file without a name, for what must be read twice: however this process ends, nothing is left. /tmp may be memory, and layers are large (as containers/image has it). */
export async function scratchFile(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<FileHandle> {
  const path = `${env.TMPDIR || "/var/tmp"}/libct-${randomHex(8)}`;
  try {
    const file = await open(path, "wx+", 0o600);
    rmSync(path, { force: true });
    return file;
  } catch (error) {
    throw fileError("write", path, error);
  }
}
