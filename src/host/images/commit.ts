import { LibctError } from "../../errors.ts";
import {
  canonicalName,
  commitImage,
  type CommitOptions as ImageChanges,
  readImage,
  requireImage,
  type StoredImage,
} from "../../image/index.ts";
import { type Changed, requireImageRoot } from "./changed.ts";
import type { ImagesContext } from "./context.ts";
import { describeImage, type ImageInfo } from "./describe.ts";
import { changesAsLayer } from "./plain-changes.ts";
import type { ImageRoot } from "./root.ts";

export interface CommitOptions extends ImageChanges {
  /** The container stands still meanwhile, if it has cgroups. Default: true */
  readonly pause?: boolean;
}

/** A container, as far as it is asked for what it has changed. */
export interface Committed extends Changed {
  status(): { readonly status: string };
  readonly cgroup: unknown;
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** An image of a container's image and what the container has changed, as `docker commit` makes it. What is on volumes and in memory does not belong to it. */
export async function commitContainer(
  context: ImagesContext,
  container: Committed,
  options: CommitOptions,
): Promise<ImageInfo> {
  const root = requireImageRoot(container);
  const { store } = context;
  const below = imageOf(context, container.name, root);
  const name = options.name === undefined ? undefined : canonicalName(options.name);
  const worker = await context.worker();
  return await whileStill(container, options.pause, async () => {
    const tar = await changesAsLayer(context, container, root);
    const image = await commitImage(store, below, tar, worker, { ...options, name });
    return describeImage(store, requireImage(store, name ?? image.digest));
  });
}

/** The image that a container is over. */
export function imageOf({ store }: ImagesContext, name: string, root: ImageRoot): StoredImage {
  const found = readImage(store, root.image);
  if (found) return found;
  throw new LibctError("ERR_CT_STORE", `the image of container ${name} is not in this store`, {
    path: root.directory,
    hint: "choose the store that it was made from: --data, or Host.open({ dataDirectory })",
  });
}

/** Nothing changes what is read. */
export async function whileStill<T>(container: Committed, pause = true, action: () => Promise<T>): Promise<T> {
  const still = pause && container.status().status === "running" && container.cgroup !== undefined;
  if (still) await container.pause();
  try {
    return await action();
  } finally {
    if (still) await container.resume();
  }
}
