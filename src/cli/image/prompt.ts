import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { usage } from "../syntax.ts";

/** Asks a person at the terminal; what is `hidden` is not shown while it is typed. */
export async function askFor(question: string, how: "seen" | "hidden"): Promise<string> {
  if (!process.stdin.isTTY) {
    throw usage("there is no terminal to ask for credentials at", "-u NAME --password-stdin");
  }
  let quiet = false;
  const output = new Writable({
    write(chunk: Uint8Array, _, done) {
      if (!quiet) process.stderr.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const stop = new AbortController();
  // Control-C ends the question, and nothing is kept.
  lines.once("SIGINT", () => stop.abort());
  try {
    const answer = lines.question(question, { signal: stop.signal });
    quiet = how === "hidden";
    return await answer;
  } finally {
    lines.close();
    if (how === "hidden") process.stderr.write("\n");
  }
}
