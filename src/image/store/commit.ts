import { changeConfig } from "../changes.ts";
import { digestOf } from "../digest.ts";
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from "../media-types.ts";
import type { Descriptor, ImageConfig, Manifest, RawManifest } from "../types.ts";
import { addLayer } from "./add-blob.ts";
import { putBytes } from "./endpoints.ts";
import { adding } from "./holding.ts";
import type { StoredImage } from "./images.ts";
import { keepImage } from "./keep-image.ts";
import { type LayerWorker, unpackLayer } from "./layers.ts";
import { nameImage } from "./names.ts";
import type { Store } from "./place.ts";

export interface CommitOptions {
  /** Default: none, and it is found by its digest. */
  readonly name?: string | undefined;
  readonly author?: string | undefined;
  readonly message?: string | undefined;
  /** Instructions of a Dockerfile that change its config: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR. */
  readonly changes?: readonly string[] | undefined;
  /** Milliseconds since the epoch. Default: now */
  readonly created?: number | undefined;
}

/** An image of an image and a layer over it. It is an OCI image or one of Docker's, as the one below is. */
export async function commitImage(
  store: Store,
  below: StoredImage,
  tar: AsyncIterable<Uint8Array>,
  worker: LayerWorker,
  options: CommitOptions,
): Promise<StoredImage> {
  const about = changedConfig(below.about, options, "ct commit");
  return await adding(store, async () => {
    const layer = await addLayer(store, tar);
    const blob: Descriptor = { mediaType: typesOf(below).layer, digest: layer.digest, size: layer.size };
    await unpackLayer(store, blob, worker);
    const diffIds = [...about.rootfs.diff_ids, layer.diffId];
    const layers = [...below.layers.map((one) => one.blob), blob];
    return keepNew(store, below, { ...about, rootfs: { type: "layers", diff_ids: diffIds } }, layers, options.name);
  });
}

/** The same layers with another config. */
export async function reconfigureImage(store: Store, image: StoredImage, options: CommitOptions): Promise<StoredImage> {
  const about = changedConfig(image.about, options, "ct image import");
  const layers = image.layers.map(({ blob }) => blob);
  return await adding(store, async () => keepNew(store, image, about, layers, options.name));
}

function keepNew(
  store: Store,
  like: StoredImage,
  about: ImageConfig,
  layers: readonly Descriptor[],
  name: string | undefined,
): StoredImage {
  const types = typesOf(like);
  const config = put(store, about, types.config);
  const manifest: Manifest = { schemaVersion: 2, mediaType: types.manifest, config, layers };
  const raw = rawOf(manifest, types.manifest);
  putBytes(store, raw);
  const image = keepImage(store, raw, name ?? raw.descriptor.digest);
  nameImage(store, name, { target: image.manifest, image: image.digest });
  return image;
}

const typesOf = ({ config }: StoredImage) => (config.mediaType === DOCKER_CONFIG ? DOCKER : OCI);
const OCI = { manifest: OCI_MANIFEST, config: OCI_CONFIG, layer: `${OCI_LAYER}+gzip` } as const;
const DOCKER = { manifest: DOCKER_MANIFEST, config: DOCKER_CONFIG, layer: `${DOCKER_LAYER}.gzip` } as const;

function changedConfig(about: ImageConfig, options: CommitOptions, by: string): ImageConfig {
  const { author, message, changes = [], created: time = Date.now() } = options;
  const created = new Date(time).toISOString();
  const step = {
    created,
    created_by: [by, ...changes].join("; "),
    ...(author === undefined ? {} : { author }),
    ...(message === undefined ? {} : { comment: message }),
  };
  return {
    ...about,
    created,
    ...(author === undefined ? {} : { author }),
    config: changes.reduce(changeConfig, about.config ?? {}),
    history: [...(about.history ?? []), step],
  };
}

function rawOf(value: unknown, mediaType: string): RawManifest {
  const bytes = Buffer.from(JSON.stringify(value));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function put(store: Store, value: unknown, mediaType: string): Descriptor {
  const raw = rawOf(value, mediaType);
  putBytes(store, raw);
  return raw.descriptor;
}
