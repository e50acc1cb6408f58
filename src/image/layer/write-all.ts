import { writeSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { show } from "./layer-names.ts";

/** Writes a piece of the file `path` of a layer into its descriptor; the kernel may take less at a time. */
export function writeAll(descriptor: number, bytes: Uint8Array, at: number, path: string): void {
  try {
    for (let done = 0; done < bytes.length; )
      done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code;
    throw new LibctError("ERR_CT_SYSCALL", `write ${show(path)} of the layer: ${errno}`, {
      syscall: "pwrite64",
      errno,
      path,
      cause,
    });
  }
}
