import { LibctError } from "../../errors.ts";
import { algorithmOf } from "../digest.ts";
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
  refuseOtherDigests(about.rootfs.diff_ids, from);
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

/** Layers are unpacked while they come, before it is known what the config calls them. */
function refuseOtherDigests(diffIds: readonly string[], from: string): void {
  const other = diffIds.find((diffId) => algorithmOf(diffId as Digest) !== "sha256");
  if (other === undefined) return;
  throw new LibctError(
    "ERR_CT_NOT_SUPPORTED",
    `${from}: its layers are named by ${other.slice(0, 20)}..., and not by sha256`,
    {
      member: "rootfs.diff_ids",
      hint: "it can be copied (ct image copy); to be unpacked it must be built with sha256 digests, as all builders do unless told otherwise",
    },
  );
}
