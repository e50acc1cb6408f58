import {
  type CopyEvent,
  copyImage,
  type Digest,
  type ImageDestination,
  type ImageSource,
  openDestination,
  parseLocation,
  requireImage,
  storeSource,
} from "../../image/index.ts";
import type { ImagesContext } from "./context.ts";
import type { PullOptions } from "./images.ts";
import { openAny } from "./locations.ts";
import { platformOf } from "./pull.ts";

/** Where an image has gone. */
export interface Copied {
  /** "docker.io/library/alpine:latest", "oci:/tmp/layout" */
  readonly to: string;
  /** What that stands for now. */
  readonly digest: Digest;
}

/** Sends an image of the store somewhere; without `to` to the registry that its name says. */
export async function pushImage(
  context: ImagesContext,
  name: string,
  to: string | ImageDestination | undefined,
  options: PullOptions,
  tell: (event: CopyEvent) => void,
): Promise<Copied> {
  const found = requireImage(context.store, name);
  const target = to ?? found.named?.name ?? name;
  return await transport(storeSource(context.store, found), target, options, tell);
}

/** From anywhere to anywhere; the store is not touched, but for an image that it has. */
export async function copyBetween(
  context: ImagesContext,
  from: string | ImageSource,
  to: string | ImageDestination,
  options: PullOptions,
  tell: (event: CopyEvent) => void,
): Promise<Copied> {
  const source = typeof from === "string" ? await openAny(context, from, options.registry, options.signal) : from;
  return await transport(source, to, options, tell);
}

/** Whatever comes of it, both ends are closed: an archive that is not whole goes then. */
async function transport(
  source: ImageSource,
  to: string | ImageDestination,
  { platform, signal, parallel, registry }: PullOptions,
  tell: (event: CopyEvent) => void,
): Promise<Copied> {
  try {
    const destination = typeof to === "string" ? await openDestination(parseLocation(to), registry) : to;
    try {
      const options = { platform: platformOf(platform), signal, parallel, progress: tell };
      const { manifest } = await copyImage(source, destination, options);
      return { to: destination.name, digest: manifest.descriptor.digest };
    } finally {
      await destination.close?.();
    }
  } finally {
    await source.close?.();
  }
}
