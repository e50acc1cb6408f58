import {
  findImage,
  formatReference,
  type ImageSource,
  openSource,
  parseLocation,
  type RegistryOptions,
  storeSource,
} from "../../image/index.ts";
import type { ImagesContext } from "./context.ts";

/** The store's own image of that name, if it is there; else what is at that place: "alpine", "oci:DIR:tag", "docker-archive:FILE", ... */
export async function openAny(
  { store }: ImagesContext,
  text: string,
  options: RegistryOptions | undefined,
  signal: AbortSignal | undefined,
): Promise<ImageSource> {
  const location = parseLocation(text);
  const found = location.transport === "registry" ? findImage(store, text) : undefined;
  return found ? storeSource(store, found) : await openSource(location, options, signal);
}

/** The name that an image from there gets, unless another one is given. */
export function nameFrom(text: string): string | undefined {
  const location = parseLocation(text);
  switch (location.transport) {
    case "registry":
      return formatReference(location.reference);
    case "docker-archive":
      return location.reference && formatReference(location.reference);
    case "docker-daemon":
    case "containers-storage":
      return location.name;
    default:
      return undefined;
  }
}
