import { spawn } from "node:child_process";
import { renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { LibctError } from "../../errors.ts";
import { randomHex } from "../../linux/index.ts";
import type { Output } from "./archive-writer.ts";
import { fileError } from "./files.ts";

/** A file that is there when it is whole. */
export async function fileOutput(path: string): Promise<Output> {
  const fresh = `${path}.~${randomHex(8)}`;
  const file = await open(fresh, "wx").catch((error: unknown) => {
    throw fileError("write", path, error);
  });
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at).catch((error: unknown) => {
          throw fileError("write", path, error);
        });
        at += bytesWritten;
      }
    },
    async finish() {
      await file.close();
      renameSync(fresh, path);
    },
    async discard() {
      await file.close();
      rmSync(fresh, { force: true });
    },
  };
}

/** A stream of somebody else's, such as standard output: what has been written cannot be taken back. */
export function streamOutput(stream: NodeJS.WritableStream): Output {
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => stream.write(bytes, (error) => (error ? reject(error) : resolve()))),
    finish: async () => undefined,
    discard: async () => undefined,
  };
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

export const programError = (file: string, words: readonly string[], said: string): LibctError =>
  new LibctError("ERR_CT_IMAGE", `${[file, ...words].join(" ")}: ${said.split("\n").at(-1)}`);
