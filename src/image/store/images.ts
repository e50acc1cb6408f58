import { existsSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { isDigest } from "../digest.ts";
import type { Descriptor, Digest, ImageConfig } from "../types.ts";
import { fileNameOf, hexOf } from "./digest.ts";
import { entries, readIfThere } from "./files.ts";
import { canonicalName, listNames, type NamedImage, readName } from "./names.ts";
import { ROOMS, type Store } from "./place.ts";

/** All that a container needs to know of its image, from manifest and config: read as one small file. */
export interface StoredImage {
  readonly version: 1;
  /** The digest of its manifest. */
  readonly digest: Digest;
  readonly manifest: Descriptor;
  /** Its digest is what docker calls an image's id. */
  readonly config: Descriptor;
  /** From the lowest on. */
  readonly layers: readonly { readonly blob: Descriptor; readonly diffId: Digest }[];
  readonly about: ImageConfig;
}

export const imagePath = ({ directory }: Store, digest: Digest): string =>
  `${directory}/${ROOMS.IMAGES}/${fileNameOf(digest)}.json`;

/** What a digest stands for never changes, so the images of this process's containers are read once. */
const known = new Map<string, StoredImage>();
const MOST_KNOWN = 64;

export function readImage(store: Store, digest: Digest): StoredImage | undefined {
  const path = imagePath(store, digest);
  const before = known.get(path);
  // It may have been removed meanwhile, by anybody.
  if (before && existsSync(path)) return before;
  const bytes = readIfThere(path);
  if (!bytes) return undefined;
  const image = decode(bytes, path);
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(path, image);
  return image;
}

export function listImages(store: Store): readonly StoredImage[] {
  return entries(`${store.directory}/${ROOMS.IMAGES}`).flatMap((file) => {
    const path = `${store.directory}/${ROOMS.IMAGES}/${file}`;
    const bytes = readIfThere(path);
    return bytes ? [decode(bytes, path)] : [];
  });
}

function decode(bytes: Uint8Array, path: string): StoredImage {
  let found: Partial<StoredImage>;
  try {
    found = JSON.parse(Buffer.from(bytes).toString("utf8")) as Partial<StoredImage>;
  } catch (cause) {
    throw new LibctError("ERR_CT_STORE", `${path} is not JSON`, {
      path,
      hint: "remove the file, and pull again",
      cause,
    });
  }
  if (found.version === 1) return found as StoredImage;
  throw new LibctError("ERR_CT_STORE", `${path} has version ${String(found.version)}, of another libct`, { path });
}

/** An image, and the name that it was found by. */
export interface FoundImage {
  readonly image: StoredImage;
  readonly named: NamedImage | undefined;
}

/** By its name, or by the beginning of its id or of its manifest's digest. Undefined: it is not here. */
export function findImage(store: Store, text: string): FoundImage | undefined {
  const digits = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(text)?.[1];
  // "cafe" may be a name as well: names go first, as with docker.
  const named = isName(text) ? readName(store, text) : undefined;
  if (named) return { image: imageOf(store, named), named };
  return digits === undefined ? undefined : findByDigits(store, digits, text);
}

/** Part of a digest is none. */
const isName = (text: string): boolean =>
  /^sha(?:256|512):/.test(text) ? isDigest(text) : !/^[0-9a-f]{64}$/.test(text);

/** The image that a name stands for. */
export function imageOf(store: Store, { name, image }: NamedImage): StoredImage {
  const found = readImage(store, image);
  if (found) return found;
  throw new LibctError("ERR_CT_STORE", `the image ${name} is not whole: ${image} is missing`, {
    hint: `pull it again: ct image pull ${name}`,
  });
}

function findByDigits(store: Store, digits: string, text: string): FoundImage | undefined {
  const matches = listImages(store).filter(
    ({ digest, config }) => hexOf(config.digest).startsWith(digits) || hexOf(digest).startsWith(digits),
  );
  const [image] = matches;
  if (!image) return undefined;
  if (new Set(matches.map(({ config }) => config.digest)).size > 1) {
    throw new LibctError("ERR_CT_USAGE", `several images have an id that begins with ${JSON.stringify(text)}`, {
      hint: "give more digits: `ct image ls --digests` shows them all",
    });
  }
  return { image, named: listNames(store).find((one) => one.image === image.digest) };
}

/** As `findImage`; throws ERR_CT_NO_SUCH_IMAGE. */
export function requireImage(store: Store, text: string): FoundImage {
  const found = findImage(store, text);
  if (found) return found;
  const name = isName(text) && !isDigest(text) ? canonicalName(text) : text;
  throw new LibctError("ERR_CT_NO_SUCH_IMAGE", `there is no image ${name} here`, {
    hint: "`ct image ls` lists those that are; `ct image pull` gets others",
  });
}
