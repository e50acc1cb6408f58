import { spawn } from "node:child_process";
import { LibctError } from "../../errors.ts";
import type { Output } from "./archive-writer.ts";

/** Standard output of a program, which must end well. */
export async function* outputOf(file: string, words: readonly string[]): AsyncGenerator<Uint8Array> {
  const child = spawn(file, words, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2000);
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (cause) => resolve(`it cannot be executed: ${(cause as NodeJS.ErrnoException).code}`));
    child.once("close", (status) => resolve(status === 0 ? undefined : said.trim() || `status ${status}`));
  });
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const failure = await ended;
    if (failure !== undefined) throw programError(file, words, failure);
  } finally {
    if (child.exitCode === null) child.kill("SIGTERM");
  }
}

/** Standard input of a program; what it says at its end is its error. */
export function programOutput(file: string, words: readonly string[]): Output {
  const child = spawn(file, words, { stdio: ["pipe", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2000);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(programError(file, words, `it cannot be executed: ${(cause as NodeJS.ErrnoException).code}`)),
    );
    child.once("close", (status) =>
      status === 0 ? resolve() : reject(programError(file, words, said.trim() || `status ${status}`)),
    );
  });
  // Whoever writes or waits is told of it.
  ended.catch(() => undefined);
  child.stdin.on("error", () => undefined);
  return {
    async write(bytes) {
      const sent = new Promise<void>((resolve, reject) =>
        child.stdin.write(bytes, (error) => (error ? reject(error) : resolve())),
      );
      await sent.catch(async (error: unknown) => {
        await ended;
        throw error;
      });
    },
    async finish() {
      child.stdin.end();
      await ended;
    },
    async discard() {
      child.kill("SIGTERM");
      await ended.catch(() => undefined);
    },
  };
}

const programError = (file: string, words: readonly string[], said: string): LibctError =>
  new LibctError("ERR_CT_IMAGE", `${[file, ...words].join(" ")}: ${said.split("\n").at(-1)}`);
