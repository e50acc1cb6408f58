import { LibctError } from "../../errors.ts";
import { LARGEST_CONFIG, readConfig, readDocument, refuseArtifact } from "../manifest.ts";
import type { Digest, RawManifest } from "../types.ts";
import { readBlob } from "./blobs.ts";
import { makeDirectory, replaceFile } from "./files.ts";
import { imagePath, type StoredImage } from "./images.ts";
import { ROOMS, type Store } from "./place.ts";

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
  replaceFile(imagePath(store, digest), `${JSON.stringify(image)}\n`);
  return image;
}
