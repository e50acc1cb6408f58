import { writeSync } from "node:fs";

/** Writes all of it. (process.stdout takes some milliseconds to load, a large part of what such a command takes.) */
export function say(text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Somebody has made the pipe non-blocking; or nobody reads it any more.
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
    }
  }
}
