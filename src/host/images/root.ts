import { mkdirSync, statSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { type Layered, planLayered } from "../../fs/index.ts";
import {
  type Digest,
  hasLayer,
  layerTree,
  pinLayers,
  removeContainer,
  type Store,
  type StoredImage,
} from "../../image/present.ts";
import { randomHex } from "../../linux/index.ts";
import { ownIdentity } from "../../records/index.ts";
import type { RootContext, RootDriver, RootPlan } from "../../spec/index.ts";
import type { ImagesContext } from "./context.ts";

/** A root over an image's layers. What is data in it is written down with the container. */
export interface ImageRoot extends RootDriver {
  readonly type: "image";
  /** The name that the image was asked for by. */
  readonly name: string;
  /** Its manifest. */
  readonly image: Digest;
  /** The container's own, with what it has changed. */
  readonly directory: string;
  /** Default: "overlay" */
  readonly storage?: Storage;
}

/** What a container's root is made of: an overlay over the layers, or a tree of its own, as a copy or as a snapshot on btrfs. */
export type Storage = "overlay" | "btrfs" | "dir";

export interface ImageRootOptions {
  readonly image: StoredImage;
  readonly name: string;
  /** The container goes on without this application: its layer is removed with its record. */
  readonly outlives: boolean;
  readonly storage: Storage;
  /** Nothing but the root itself is below the container's directory: no volumes, whose paths are told before the container is made. */
  readonly alone: boolean;
  /** What lies over its layers. */
  readonly above: Layered["above"];
  /** Called when the container's own directory is there. */
  readonly prepare: () => Promise<void>;
}

/**
 * Names of directories that containers of this process have had, and that are removed. Runs that follow each other have the same, so that of equal ones the program is made
 * once (host/plans.ts).
 */
const free: string[] = [];

const takeName = (): string => free.pop() ?? randomHex(8);

export function imageRoot(context: ImagesContext, options: ImageRootOptions): ImageRoot {
  const { store } = context;
  const { image, name, outlives, storage, prepare } = options;
  const layers = image.layers.map(({ diffId }) => diffId);
  const place = new OwnPlace(`${store.directory}/containers`, options.alone && !outlives);
  return {
    type: "image",
    name,
    image: image.digest,
    get directory() {
      return place.directory;
    },
    ...(storage === "overlay" ? {} : { storage }),
    async plan(given) {
      const record = outlives ? (await context.records()).directory : undefined;
      place.take();
      pinLayers(store, place.name, { image: image.digest, name, layers, user: { ...ownIdentity(), record } });
      place.used = true;
      requireLayers(store, image, name);
      await prepare();
      return await planRoot(context, given, place.directory, options);
    },
    async release() {
      // Of one that outlives the application it goes with the record, as does what the container wrote.
      if (!place.used || outlives) return;
      place.used = false;
      await removeContainer(place.directory, { remove: async (path) => (await context.worker()).remove(path) });
      place.giveBack();
    },
  };
}

/** The name of a container's directory, which others of this process have in turn. */
class OwnPlace {
  readonly #above: string;
  readonly #shared: boolean;
  #isGivenBack = false;
  name: string;
  used = false;

  constructor(above: string, shared: boolean) {
    this.#above = above;
    this.#shared = shared;
    this.name = shared ? takeName() : randomHex(8);
  }

  get directory(): string {
    return `${this.#above}/${this.name}`;
  }

  /** Once more: somebody else may have the name by now. */
  take(): void {
    if (!this.#isGivenBack) return;
    this.name = takeName();
    this.#isGivenBack = false;
  }

  giveBack(): void {
    if (!this.#shared) return;
    this.#isGivenBack = true;
    free.push(this.name);
  }
}

async function planRoot(
  context: ImagesContext,
  given: RootContext,
  directory: string,
  { image, storage, above }: ImageRootOptions,
): Promise<RootPlan> {
  if (storage !== "overlay") {
    return await (await import("./plain.ts")).planPlain(context, given, image, { storage, directory });
  }
  // The kernel takes no directory twice; of a layer that is there twice the upper one hides all of the lower one.
  const trees = [...new Set(image.layers.map(({ diffId }) => layerTree(context.store, diffId)).reverse())];
  const lower = trees.length > 0 ? trees : [emptyLayer(directory)];
  return planLayered(given, { lower, directory, above, mode: statSync(lower[0] ?? directory).mode & 0o7777 });
}

/** The layers of a present image are there, unless somebody has removed the image since it was found. */
export function requireLayers(store: Store, { layers }: StoredImage, name: string): void {
  const missing = layers.find(({ diffId }) => !hasLayer(store, diffId));
  if (!missing) return;
  throw new LibctError("ERR_CT_STORE", `the image ${name} is not whole: the layer ${missing.diffId} is missing`, {
    member: "root",
    hint: `pull it again: ct image pull ${name}`,
  });
}

/** An overlay needs something below. */
function emptyLayer(directory: string): string {
  mkdirSync(`${directory}/empty`, { mode: 0o755 });
  return `${directory}/empty`;
}
