import {
  type Digest,
  type FoundImage,
  layerSize,
  listImages,
  listNames,
  type Platform,
  type Store,
  type StoredImage,
} from "../../image/index.ts";

/** An image of the store. */
export interface ImageInfo {
  /** The whole name, "docker.io/library/alpine:latest"; undefined when it has none. */
  readonly name: string | undefined;
  /** What docker calls its id: the digest of its config. */
  readonly id: Digest;
  /** Of its manifest. */
  readonly digest: Digest;
  /** What the name stands for where it is from: the manifest, or the index that it was chosen from. */
  readonly target: Digest;
  readonly platform: Platform;
  /** As the image says; milliseconds since the epoch. */
  readonly created: number | undefined;
  /** When the name was given to it; milliseconds since the epoch. */
  readonly tagged: number | undefined;
  /** Bytes of its files, all layers together. */
  readonly size: number;
  /** Bytes of its layers as they are transferred. */
  readonly compressedSize: number;
  readonly layers: readonly { readonly digest: Digest; readonly diffId: Digest; readonly size: number }[];
}

/** What was taken away. */
export interface RemovedImage {
  /** Names that it had. */
  readonly untagged: readonly string[];
  /** The image is gone, too. */
  readonly removed: boolean;
  /** Bytes that are free now. */
  readonly bytes: number;
}

export function describeImage(store: Store, { image, named }: FoundImage): ImageInfo {
  const { os, architecture, variant, created } = image.about;
  const layers = image.layers.map(({ blob, diffId }) => ({
    digest: blob.digest,
    diffId,
    size: layerSize(store, diffId),
  }));
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return {
    name: named && !named.name.startsWith("sha") ? named.name : undefined,
    id: image.config.digest,
    digest: image.digest,
    target: named?.target.digest ?? image.digest,
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    created: Number.isNaN(time) ? undefined : time,
    tagged: named?.tagged,
    size: layers.reduce((sum, { size }) => sum + size, 0),
    compressedSize: image.layers.reduce((sum, { blob }) => sum + blob.size, 0),
    layers,
  };
}

/** Images with several names are there several times; one whose name another has now, and that is still in use, has none. */
export function describeAll(store: Store): readonly ImageInfo[] {
  const images = new Map<Digest, StoredImage>(listImages(store).map((image) => [image.digest, image]));
  const names = listNames(store);
  const named = names.flatMap((one) => {
    const image = images.get(one.image);
    return image ? [describeImage(store, { image, named: one })] : [];
  });
  const targets = new Set(names.map(({ image }) => image));
  const rest = [...images.values()].filter(({ digest }) => !targets.has(digest));
  return [...named, ...rest.map((image) => describeImage(store, { image, named: undefined }))];
}
