import {
  findImage,
  type ImageDestination,
  type ImageSource,
  openDestination,
  openSource,
  parseLocation,
  type RegistryOptions,
  storeSource,
} from "../../image/index.ts";
import type { ImagesContext } from "./context.ts";

/** Where an image comes from: "alpine", "oci:DIR:tag", "docker-archive:FILE", ... */
export const sourceAt = (text: string, options: RegistryOptions = {}): Promise<ImageSource> =>
  openSource(parseLocation(text), options);

export const destinationAt = (text: string, options: RegistryOptions = {}): Promise<ImageDestination> =>
  openDestination(parseLocation(text), options);

/** The store's own image of that name, if it is there; else whatever the text says. */
export async function anySource(
  { store }: ImagesContext,
  text: string,
  options: RegistryOptions = {},
): Promise<ImageSource> {
  const registry = parseLocation(text).transport === "registry";
  const found = registry ? findImage(store, text) : undefined;
  return found ? storeSource(store, found) : await sourceAt(text, options);
}

/** The name that an image from there gets, unless another one is given. */
export function nameFrom(text: string): string | undefined {
  const location = parseLocation(text);
  if (location.transport === "registry") return text.replace(/^docker:\/\//, "");
  return undefined;
}
