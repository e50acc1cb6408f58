import { startExecutor } from "../../src/executor/index.ts";
import type { NewTarEntry } from "../../src/image/layer/tar-entry.ts";
import { type UnpackedLayer, type UnpackOptions, unpackTar } from "../../src/image/layer/unpack.ts";
import { type TarContent, writeTar } from "../../src/image/layer/write-tar.ts";

export const entry = (name: string, type: NewTarEntry["type"], more: Partial<NewTarEntry> = {}): TarContent => ({
  entry: { name, type, mode: type === "directory" ? 0o755 : 0o644, ...more },
});

export const file = (name: string, text: string | Uint8Array, more: Partial<NewTarEntry> = {}): TarContent => {
  const content = typeof text === "string" ? Buffer.from(text) : text;
  return { entry: { name, type: "file", size: content.length, ...more }, content: [content] };
};

export async function archiveOf(...members: readonly TarContent[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of writeTar(members)) parts.push(part);
  return Buffer.concat(parts);
}

/** As a network brings it: in pieces. */
export async function* inPieces(bytes: Uint8Array, size = 30_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Unpacks with an executor of its own. */
export async function unpack(
  archive: Uint8Array,
  directory: string,
  options: Partial<UnpackOptions> = {},
): Promise<UnpackedLayer> {
  const { zygote } = await startExecutor(process.env.LIBCT_TEST_EXECUTOR);
  try {
    const content = inPieces(archive);
    return await unpackTar({ executor: zygote, directory, content, whiteouts: "overlay", ...options });
  } finally {
    await zygote.close();
  }
}
