import { LibctError } from "../../errors.ts";
import { algorithmOf } from "../digest.ts";
import { LARGEST_CONFIG, readConfig, readDocument, refuseArtifact } from "../manifest.ts";
import type { Descriptor, Digest, ImageConfig, RawManifest } from "../types.ts";
import { readBlob } from "./blobs.ts";
import { hexOf } from "./digest.ts";
import { entries, makeDirectory, readIfThere, replaceFile } from "./files.ts";
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

const pathOf = ({ directory }: Store, digest: Digest): string =>
  `${directory}/${ROOMS.IMAGES}/${algorithmOf(digest)}-${hexOf(digest)}.json`;

export function readImage(store: Store, digest: Digest): StoredImage | undefined {
  const path = pathOf(store, digest);
  const bytes = readIfThere(path);
  return bytes && decode(bytes, path);
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

/** Reads what manifest and config say, and writes it down. Both are here already. */
export function keepImage(store: Store, manifest: RawManifest, from: string): StoredImage {
  const document = readDocument(manifest, from);
  if (document.kind !== "manifest") throw new LibctError("ERR_CT_IMAGE", `${from} is an index, and no image`);
  refuseArtifact(document.manifest, from);
  const { config, layers } = document.manifest;
  const bytes = readBlob(store, config.digest);
  if (!bytes) throw new LibctError("ERR_CT_IMAGE", `${from}: the config ${config.digest} is missing`);
  if (bytes.length > LARGEST_CONFIG) throw new LibctError("ERR_CT_IMAGE", `${from}: the config is too large`);
  const about = readConfig(bytes, document.manifest, from);
  const { digest } = manifest.descriptor;
  const image: StoredImage = {
    version: 1,
    digest,
    manifest: manifest.descriptor,
    config,
    layers: layers.map((blob, index) => ({ blob, diffId: about.rootfs.diff_ids[index] as Digest })),
    about,
  };
  makeDirectory(`${store.directory}/${ROOMS.IMAGES}`);
  replaceFile(pathOf(store, digest), `${JSON.stringify(image)}\n`);
  return image;
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

const isName = (text: string): boolean => !/^[0-9a-f]{64}$/.test(text);

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
  const name = /^(?:sha256:)?[0-9a-f]{64}$/.test(text) ? text : canonicalName(text);
  throw new LibctError("ERR_CT_NO_SUCH_IMAGE", `there is no image ${name} here`, {
    hint: "`ct image ls` lists those that are; `ct image pull` gets others",
  });
}
