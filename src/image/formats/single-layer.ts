import { statSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { digestOf } from "../digest.ts";
import { hashContent } from "../hash-content.ts";
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from "../media-types.ts";
import { hostPlatform } from "../platform.ts";
import type { Descriptor, Digest, ImageConfig, ImageSource, Manifest } from "../types.ts";
import { compressionOf, decompressArchive } from "./archive-compression.ts";
import { fileError, readStream } from "./files.ts";

/** A tar file of a root filesystem, compressed or not, as an image of one layer (docker import). */
export async function tarSource(path: string, signal?: AbortSignal): Promise<ImageSource> {
  const plain = await decompressArchive(path, signal);
  const whole = () => readStream(path, 0, undefined, signal);
  const diffId = await hashContent(plain ?? whole());
  const digest = plain ? await hashContent(whole()) : diffId;
  const compression = await compressionOf(path);
  const mediaType = compression === "none" ? OCI_LAYER : `${OCI_LAYER}+${compression}`;
  return singleLayer(`tar:${path}`, { mediaType, digest, size: sizeOf(path) }, diffId, (from, stop) =>
    readStream(path, from, undefined, stop),
  );
}

/** An image of one layer that is there already. Equal layers give equal images: nothing of it tells a time. */
export function singleLayer(
  name: string,
  layer: Descriptor,
  diffId: Digest,
  read: (from: number, signal: AbortSignal | undefined) => AsyncIterable<Uint8Array>,
): ImageSource {
  const config: ImageConfig = {
    ...hostPlatform(),
    config: {},
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created_by: `libct: ${name}` }],
  };
  const configBytes = Buffer.from(JSON.stringify(config));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: digestOf(configBytes), size: configBytes.length },
    layers: [layer],
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return {
    name,
    manifest: async () => ({
      descriptor: { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length },
      bytes,
    }),
    async blob({ digest }, { from = 0, signal } = {}) {
      if (digest === layer.digest) return { from, content: read(from, signal) };
      return {
        from,
        content: (async function* () {
          yield configBytes.subarray(from);
        })(),
      };
    },
  };
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw fileError("read", path, error);
  }
}

export const notWritable = (transport: string) =>
  new LibctError("ERR_CT_USAGE", `${transport}: is no place to copy an image to`, {
    hint: "oci:DIR, oci-archive:FILE or docker-archive:FILE are; `ct image mount` shows an image's files",
  });
