import {
  canonicalName,
  type ImageSource,
  openSource,
  type Platform,
  parseLocation,
  parsePlatform,
  type ReceiveEvent,
  receiveImage,
} from "../../image/index.ts";
import type { ImagesContext } from "./context.ts";
import { describeImage, type ImageInfo } from "./describe.ts";
import type { PullOptions } from "./images.ts";
import { nameFrom } from "./locations.ts";

/** Fetches an image, and gives it its name. */
export async function pullImage(
  context: ImagesContext,
  image: string | ImageSource,
  options: PullOptions & { readonly name?: string },
  tell: (event: ReceiveEvent) => void,
): Promise<ImageInfo> {
  const { store } = context;
  const source =
    typeof image === "string" ? await openSource(parseLocation(image), options.registry, options.signal) : image;
  const given = options.name ?? (typeof image === "string" ? nameFrom(image) : undefined);
  try {
    const received = await receiveImage(store, source, {
      platform: platformOf(options.platform),
      signal: options.signal,
      parallel: options.parallel,
      name: given === undefined ? undefined : canonicalName(given),
      worker: await context.worker(),
      tell,
    });
    return describeImage(store, received);
  } finally {
    await source.close?.();
  }
}

export const platformOf = (given: Platform | string | undefined): Platform | "all" | undefined =>
  typeof given !== "string" ? given : given === "all" ? given : parsePlatform(given);
