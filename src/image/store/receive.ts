import { throwIfAborted } from "../abort.ts";
import { type CopyOptions, copyImage } from "../copy.ts";
import type { CopyEvent } from "../copy-events.ts";
import { hostPlatform, runsOn } from "../platform.ts";
import type { Descriptor, Digest, ImageSource } from "../types.ts";
import { putBytes, storeDestination } from "./endpoints.ts";
import { adding } from "./holding.ts";
import type { StoredImage } from "./images.ts";
import { type Lane, makeLane } from "./lane.ts";
import { isUnpacked, type LayerWorker, requireDiffId, unpackLayer } from "./layers.ts";
import { type NamedImage, nameImage } from "./names.ts";
import type { Store } from "./place.ts";

/** What is told while an image comes into the store. */
export type ReceiveEvent =
  | CopyEvent
  | {
      readonly event: "layer";
      /** Of the blob. */
      readonly digest: Digest;
      readonly status: "unpacking" | "unpacked" | "present";
    };

export interface ReceiveOptions extends Pick<CopyOptions, "platform" | "signal" | "parallel"> {
  /** How the image is called from then on; without one by its manifest's digest. */
  readonly name: string | undefined;
  readonly worker: LayerWorker;
  readonly tell: (event: ReceiveEvent) => void;
}

export interface Received {
  readonly image: StoredImage;
  readonly named: NamedImage;
}

/** Copies an image into the store. Its layers are unpacked as soon as each has come, while others still come; only then others see its name. */
export async function receiveImage(store: Store, source: ImageSource, options: ReceiveOptions): Promise<Received> {
  const { signal } = options;
  throwIfAborted(signal, `pulling ${source.name}`);
  return await adding(store, () => receive(store, source, options), signal);
}

async function receive(store: Store, source: ImageSource, options: ReceiveOptions): Promise<Received> {
  const { platform, signal, parallel, tell } = options;
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const unpacking = new Unpacking(store, options.worker, makeLane(), both, tell);
  // Of all platforms' layers only some are wanted here, and which these are is known at the end.
  const early = platform === "all" ? () => undefined : (blob: Descriptor) => unpacking.begin(blob);
  const destination = storeDestination(store, { name: options.name ?? source.name, onBlob: early });
  try {
    const copied = await copyImage(source, destination, { platform, signal: both, parallel, progress: tell });
    const image = chooseImage(destination.arrived.images, source.name);
    await unpacking.finish(image, source.name);
    // What the name stands for at its source is told as well: it may be an index, of which one image was taken.
    putBytes(store, copied.source);
    const named = nameImage(store, options.name, { target: copied.source.descriptor, image: image.digest });
    return { image, named };
  } catch (error) {
    stop.abort();
    await unpacking.settled();
    throw error;
  }
}

function chooseImage(images: readonly StoredImage[], from: string): StoredImage {
  const own = images.find(({ about }) => runsOn(about, hostPlatform()));
  const image = own ?? images[0];
  if (image) return image;
  throw new RangeError(`${from} was copied, and there is no image`);
}

/** Unpacks each blob that is a layer, once. */
class Unpacking {
  readonly #layers = new Map<Digest, Promise<Digest>>();
  readonly #store: Store;
  readonly #worker: LayerWorker;
  readonly #lane: Lane;
  readonly #signal: AbortSignal;
  readonly #tell: (event: ReceiveEvent) => void;

  constructor(store: Store, worker: LayerWorker, lane: Lane, signal: AbortSignal, tell: (event: ReceiveEvent) => void) {
    this.#store = store;
    this.#worker = worker;
    this.#lane = lane;
    this.#signal = signal;
    this.#tell = tell;
  }

  /** A blob has come; what is no layer by its media type is left alone. */
  begin(blob: Descriptor): void {
    if (!isLayer(blob)) return;
    // Whoever waits for it gets the error.
    this.#layer(blob).catch(() => undefined);
  }

  #layer(blob: Descriptor): Promise<Digest> {
    const known = this.#layers.get(blob.digest);
    if (known) return known;
    const layer = this.#unpack(blob);
    this.#layers.set(blob.digest, layer);
    return layer;
  }

  async #unpack(blob: Descriptor): Promise<Digest> {
    const { digest } = blob;
    const present = isUnpacked(this.#store, digest);
    const tell = (status: "unpacking" | "unpacked" | "present") => this.#tell({ event: "layer", digest, status });
    if (present) tell("present");
    return await this.#lane(async () => {
      if (!present) tell("unpacking");
      throwIfAborted(this.#signal, "unpacking");
      const diffId = await unpackLayer(this.#store, blob, this.#worker, this.#signal);
      if (!present) tell("unpacked");
      return diffId;
    });
  }

  /** All layers of the image are there, and are what its config says. */
  async finish({ layers }: StoredImage, from: string): Promise<void> {
    const found = await Promise.all(layers.map(({ blob }) => this.#layer(blob)));
    for (const [index, layer] of layers.entries()) {
      await requireDiffId(this.#store, layer, found[index] ?? layer.diffId, from);
    }
  }

  /** Nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#layers.values());
  }
}

const isLayer = ({ mediaType }: Descriptor): boolean => /\.layer\.|\.rootfs\./.test(mediaType);
