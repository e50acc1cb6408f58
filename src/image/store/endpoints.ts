import { LibctError } from "../../errors.ts";
import { readDocument } from "../manifest.ts";
import { isImageConfig } from "../media-types.ts";
import type { Descriptor, Digest, ImageDestination, ImageSource, RawManifest } from "../types.ts";
import { blobPath, hasBlob, putBlob, readBlob, streamBlob } from "./blobs.ts";
import { storedDocument } from "./documents.ts";
import { makeDirectory, replaceFile } from "./files.ts";
import type { FoundImage, StoredImage } from "./images.ts";
import { keepImage } from "./keep-image.ts";
import { originsOf } from "./origins.ts";
import type { Store } from "./place.ts";

/** An image of the store as where it is taken from: to be pushed, or saved. */
export function storeSource(store: Store, { image, named }: FoundImage): ImageSource {
  const name = named?.name ?? image.config.digest;
  // An index is given whole only when all of its images are here.
  const top = named && hasWhole(store, named.target.digest) ? named.target : image.manifest;
  return {
    name,
    origins: originsOf(store, image),
    async manifest(digest) {
      const wanted = digest ?? top.digest;
      const bytes = readBlob(store, wanted);
      if (!bytes) throw missing(name, wanted);
      return { descriptor: descriptorOf(wanted, bytes, digest === undefined ? top : undefined), bytes };
    },
    async blob({ digest }, { from = 0 } = {}) {
      return { from, content: streamBlob(store, digest, from) };
    },
  };
}

function descriptorOf(digest: Digest, bytes: Uint8Array, known: Descriptor | undefined): Descriptor {
  if (known) return known;
  const { mediaType } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { readonly mediaType?: string };
  return { mediaType: mediaType ?? "application/vnd.oci.image.manifest.v1+json", digest, size: bytes.length };
}

/** `known`: what was found out before, as indexes may name the same again and again. */
function hasWhole(store: Store, digest: Digest, known = new Map<Digest, boolean>()): boolean {
  const before = known.get(digest);
  if (before !== undefined) return before;
  const document = storedDocument(store, digest);
  const whole =
    document?.kind === "index"
      ? document.index.manifests.every((one) => hasWhole(store, one.digest, known))
      : document !== undefined &&
        [document.manifest.config, ...document.manifest.layers].every((one) => hasBlob(store, one));
  known.set(digest, whole);
  return whole;
}

const missing = (name: string, digest: Digest) =>
  new LibctError("ERR_CT_STORE", `${name}: ${digest} is not in the store`, {
    hint: `pull it again: ct image pull ${name}`,
  });

/** The store as where an image goes to. */
export interface StoreDestination extends ImageDestination {
  /** What has come, when all of it has: the images, and the manifest or index that gets the name. */
  readonly arrived: { readonly images: readonly StoredImage[]; readonly target: Descriptor | undefined };
}

export interface StoreDestinationOptions {
  readonly name: string;
  /** Called for each blob that is here, when it is. */
  readonly onBlob?: (descriptor: Descriptor) => void;
}

/** Gives no name: that comes when the layers are unpacked as well. */
export function storeDestination(store: Store, { name, onBlob }: StoreDestinationOptions): StoreDestination {
  const images: StoredImage[] = [];
  let target: Descriptor | undefined;
  return {
    name,
    get arrived() {
      return { images, target };
    },
    async hasBlob(descriptor) {
      const here = hasBlob(store, descriptor);
      if (here) onBlob?.(descriptor);
      return here;
    },
    async putBlob(descriptor, content, { signal } = {}) {
      await putBlob(store, descriptor, content, signal);
      onBlob?.(descriptor);
    },
    async putManifest(manifest, tagged) {
      putBytes(store, manifest);
      if (isImage(manifest, name)) images.push(keepImage(store, manifest, name));
      if (tagged) target = manifest.descriptor;
    },
  };
}

/** Beside images an index may have attestations and the like. */
function isImage(manifest: RawManifest, from: string): boolean {
  const document = readDocument(manifest, from);
  return document.kind === "manifest" && isImageConfig(document.manifest.config.mediaType);
}

/** Small content whose digest is known. */
export function putBytes(store: Store, { descriptor: { digest }, bytes }: RawManifest): void {
  if (hasBlob(store, { digest, size: bytes.length })) return;
  const path = blobPath(store, digest);
  makeDirectory(path.slice(0, path.lastIndexOf("/")));
  replaceFile(path, bytes);
}
