import { parseReference } from "../reference.ts";
import { readImage, type StoredImage } from "./images.ts";
import { listNames } from "./names.ts";
import type { Store } from "./place.ts";

/**
 * Repositories that probably have an image's layers, by the names in the store: its own first, then those of images on the same lowest layer. Pushed to the
 * registry of one of them, they need not be sent; one that does not have them costs nothing.
 */
export function originsOf(
  store: Store,
  image: StoredImage,
): readonly { readonly domain: string; readonly repository: string }[] {
  const [lowest] = image.layers;
  const named = listNames(store).filter(({ name }) => !/^sha(?:256|512):/.test(name));
  const own = named.filter((one) => one.image === image.digest);
  const related = named.filter((one) => {
    if (one.image === image.digest || !lowest) return false;
    return readImage(store, one.image)?.layers[0]?.blob.digest === lowest.blob.digest;
  });
  return [...own, ...related].map(({ name }) => {
    const { domain, repository } = parseReference(name);
    return { domain, repository };
  });
}
