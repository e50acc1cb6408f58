import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import type { ProgramRunner } from "../../executor/index.ts";
import type { Digest } from "../types.ts";
import { decompress } from "./compression.ts";
import { checkLimits, DEFAULT_LIMITS, type LayerLimits } from "./layer-limits.ts";
import { LayerPlacer, type WhiteoutForm } from "./layer-placer.ts";
import { emptyTree } from "./remove-tree.ts";
import type { LayerIds } from "./session-program.ts";
import { TarReader } from "./tar-reader.ts";
import type { UnpackedLayer } from "./unpacked.ts";

export type { UnpackedLayer } from "./unpacked.ts";

export interface UnpackOptions {
  readonly executor: ProgramRunner;
  /** An absolute path. It is made, or is empty; with whiteouts "applied" it is there, and anything may be in it. */
  readonly directory: string;
  /** A layer as registries have it: a tar archive, compressed with gzip, zstd or not. */
  readonly content: AsyncIterable<Uint8Array>;
  /** For who is not root: a user namespace with these ids. */
  readonly ids?: LayerIds | undefined;
  /**
   * What hides files of the layers below: overlay's devices and attributes (`trusted.overlay.*` for root, `user.overlay.*` for overlays in a user namespace and
   * fuse-overlayfs), or in a plain directory that holds these layers their removal.
   */
  readonly whiteouts: WhiteoutForm;
  readonly limits?: Partial<LayerLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the bytes of the uncompressed archive until then. */
  readonly progress?: ((bytes: number) => void) | undefined;
}

/** Unpacks a layer. When it fails, or is aborted, nothing is left (but in a directory that was there before). */
export async function unpackTar(options: UnpackOptions): Promise<UnpackedLayer> {
  throwIfAborted(options.signal);
  if (options.whiteouts === "applied") return await unpackInto(options);
  const made = requireEmpty(options.directory);
  try {
    return await unpackInto(options);
  } catch (error) {
    await emptyTree(options.executor, options.directory, options.ids);
    if (made) rmdirSync(options.directory);
    throw error;
  }
}

/** Whether it had to be made. */
function requireEmpty(directory: string): boolean {
  if (!existsSync(directory)) {
    mkdirSync(directory, { mode: 0o755 });
    return true;
  }
  if (readdirSync(directory).length === 0) return false;
  throw new LibctError("ERR_CT_STATE", `the directory for a layer is not empty: ${directory}`, { path: directory });
}

async function unpackInto(options: UnpackOptions): Promise<UnpackedLayer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  let compressed = 0;
  const counted = counting(options.content, (length) => {
    compressed += length;
  });
  const placer = await LayerPlacer.open(
    options.executor,
    options.directory,
    options.ids,
    options.whiteouts,
    limits.retained,
  );
  try {
    const { compression, content } = await decompress(counted);
    const hash = createHash("sha256");
    const reader = new TarReader();
    let [size, entries] = [0, 0];
    for await (const chunk of content) {
      throwIfAborted(options.signal);
      hash.update(chunk);
      size += chunk.length;
      for (const event of reader.push(chunk)) {
        if (event.kind === "content") await placer.content(event.bytes, event.at);
        else {
          entries++;
          await placer.entry(event.entry);
        }
      }
      checkLimits(limits, compressed, size, entries);
      await placer.pause();
      options.progress?.(size);
    }
    reader.end();
    const { impliedDirectories, opaque, skipped, fileBytes } = await placer.finish();
    const diffId: Digest = `sha256:${hash.digest("hex")}`;
    return { diffId, compression, size, entries, fileBytes, impliedDirectories, opaque, skipped };
  } finally {
    await placer.close();
  }
}

async function* counting(
  source: AsyncIterable<Uint8Array>,
  count: (length: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    count(chunk.length);
    yield chunk;
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new LibctError("ERR_CT_ABORTED", "unpacking was aborted", { cause: signal.reason });
}
