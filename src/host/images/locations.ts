import { LibctError } from "../../errors.ts";
import {
  findImage,
  type ImageDestination,
  type ImageSource,
  type Location,
  layoutDestination,
  layoutSource,
  parseLocation,
  type RegistryOptions,
  registryDestination,
  registrySource,
  storeSource,
} from "../../image/index.ts";
import type { ImagesContext } from "./context.ts";

/** Where an image comes from or goes to: "alpine", "oci:DIR:tag", "docker-archive:FILE", ... */
export function openSource(text: string, options: RegistryOptions = {}): ImageSource {
  const location = parseLocation(text);
  switch (location.transport) {
    case "registry":
      return registrySource(location.reference, options);
    case "oci":
      return layoutSource(location.path, location.name);
    default:
      throw notYet(location, text);
  }
}

export function openDestination(text: string, options: RegistryOptions = {}): ImageDestination {
  const location = parseLocation(text);
  switch (location.transport) {
    case "registry":
      return registryDestination(location.reference, options);
    case "oci":
      return layoutDestination(location.path, location.name);
    default:
      throw notYet(location, text);
  }
}

/** The store's own image of that name, if it is there; else whatever the text says. */
export function openAny({ store }: ImagesContext, text: string, options: RegistryOptions = {}): ImageSource {
  const registry = parseLocation(text).transport === "registry";
  const found = registry ? findImage(store, text) : undefined;
  return found ? storeSource(store, found) : openSource(text, options);
}

/** The name that an image from there gets, unless another one is given. */
export function nameFrom(text: string): string | undefined {
  const location = parseLocation(text);
  if (location.transport === "registry") return text.replace(/^docker:\/\//, "");
  return undefined;
}

const notYet = ({ transport }: Location, text: string) =>
  new LibctError("ERR_CT_NOT_SUPPORTED", `${text}: nothing can be read from or written to ${transport}: here`);
