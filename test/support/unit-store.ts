import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { ProgramRunner } from "../../src/executor/index.ts";
import { digestOf } from "../../src/image/digest.ts";
import type { LayerWorker } from "../../src/image/store/layers.ts";

/** Nobody else uses the store of a unit test: each lock is had at once. */
export const runner: ProgramRunner = {
  run(_, listener) {
    queueMicrotask(() => listener.notify?.(1, []));
    return {
      go: () => queueMicrotask(() => listener.done?.(undefined)),
      call: () => Promise.reject(new Error("nothing is called here")),
      callInPlace: () => Promise.reject(new Error("nothing is called here")),
      forget: () => undefined,
    };
  },
};

/** Writes the archive down in place of its files: what a layer holds is not what these tests are about. */
export const worker: LayerWorker = {
  async unpack(content, directory) {
    const parts: Uint8Array[] = [];
    for await (const part of content) parts.push(part);
    const bytes = Buffer.concat(parts);
    mkdirSync(directory);
    writeFileSync(`${directory}/archive`, bytes);
    return { diffId: digestOf(bytes), size: bytes.length };
  },
  apply: () => Promise.reject(new Error("nothing is applied here")),
  pack: () => {
    throw new Error("nothing is packed here");
  },
  remove: async (directory) => rmSync(directory, { recursive: true, force: true }),
};
