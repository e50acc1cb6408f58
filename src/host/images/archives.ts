import {
  archiveWriter,
  type CopyEvent,
  copyImage,
  fileOutput,
  formatReference,
  isDigest,
  namesInArchive,
  openSource,
  parseReference,
  type ReceiveEvent,
  requireImage,
  storeSource,
  streamOutput,
} from "../../image/index.ts";
import type { ImagesContext } from "./context.ts";
import type { ImageInfo } from "./describe.ts";
import type { PullOptions } from "./images.ts";
import { pullImage } from "./pull.ts";

/** Writes images into one archive that docker, podman and skopeo read, too. */
export async function saveImages(
  context: ImagesContext,
  names: readonly string[],
  to: string | NodeJS.WritableStream,
  options: PullOptions,
  tell: (event: CopyEvent) => void,
): Promise<void> {
  const { store } = context;
  const found = names.map((name) => requireImage(store, name));
  const output = typeof to === "string" ? await fileOutput(to) : streamOutput(to);
  const writer = archiveWriter(output, typeof to === "string" ? to : "the archive");
  try {
    for (const image of found) {
      const destination = writer.destination(referenceOf(image.named?.name));
      // What stands in an archive is for one machine: only there are all of its layers.
      const source = storeSource(store, { image: image.image, named: undefined });
      await copyImage(source, destination, { signal: options.signal, progress: tell });
    }
    await writer.finish();
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** An image without a name is found by its id. */
const referenceOf = (name: string | undefined) =>
  name === undefined || isDigest(name) ? undefined : parseReference(name);

/** Takes all images of an archive of docker save, or of an OCI layout. */
export async function loadImages(
  context: ImagesContext,
  path: string,
  options: PullOptions,
  tell: (event: ReceiveEvent) => void,
): Promise<readonly ImageInfo[]> {
  const images: ImageInfo[] = [];
  for (const inside of await namesInArchive(path, options.signal)) {
    const place = { transport: "archive", path, ...(inside !== undefined && { name: inside }) } as const;
    const source = await openSource(place, options.registry, options.signal);
    const name = inside === undefined ? undefined : withoutDigest(inside);
    images.push(await pullImage(context, source, { ...options, ...(name !== undefined && { name }) }, tell));
  }
  return images;
}

/** What an archive says of digests proves nothing; an image that has no other name there gets none here. */
function withoutDigest(name: string): string | undefined {
  if (/^sha(?:256|512):/.test(name)) return undefined;
  const { digest, ...reference } = parseReference(name);
  return digest !== undefined && reference.tag === undefined ? undefined : formatReference(reference);
}
