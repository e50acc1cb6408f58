import { LibctError } from "../../errors.ts";
import { padding } from "../layer/tar-reader.ts";
import { TAR_END, tarHeader } from "../layer/write-tar.ts";
import { readDocument } from "../manifest.ts";
import { mediaTypeOf } from "../manifest-type.ts";
import { isImageConfig, OCI_INDEX } from "../media-types.ts";
import { familiarName, formatReference, type ImageReference } from "../reference.ts";
import type { Digest, ImageDestination, Index } from "../types.ts";
import type { SavedImage } from "./docker-archive.ts";
import { createLane } from "./lane.ts";
import { blobName, LAYOUT_MARK } from "./layout.ts";
import { IMAGE_NAME, REF_NAME, withEntry } from "./layout-index.ts";

/** Takes the bytes of an archive as they come. */
export interface Output {
  write(bytes: Uint8Array): Promise<void>;
  /** All of it is there. */
  finish(): Promise<void>;
  /** It will never be whole: nothing stays. */
  discard(): Promise<void>;
}

/** Writes images into one archive, one copy after the other. */
export interface ArchiveWriter {
  /** Where to copy an image to. `reference` is its name in the archive. */
  destination(name: string | ImageReference | undefined): ImageDestination;
  /** Ends the archive; without an image in it nothing is written. */
  finish(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * The form that docker save has since version 25: an OCI layout, and manifest.json beside it, so that everybody finds what he knows: `docker load` of any
 * version, podman, skopeo, containerd.
 */
export function archiveWriter(output: Output, label: string): ArchiveWriter {
  const written = new Set<Digest>();
  const saved: SavedImage[] = [];
  const inLane = createLane();
  let index: Index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] };
  const put = async (
    name: string,
    size: number,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> => {
    if (written.size === 0)
      for (const directory of ["blobs/", "blobs/sha256/"])
        await output.write(tarHeader({ name: directory, type: "directory", mode: 0o755 }));
    await output.write(tarHeader({ name, type: "file", size }));
    let count = 0;
    for await (const chunk of content) {
      count += chunk.length;
      await output.write(chunk);
    }
    if (count !== size)
      throw new LibctError("ERR_CT_DIGEST", `${label}: ${name} has ${count} bytes instead of ${size}`);
    if (padding(size) > 0) await output.write(new Uint8Array(padding(size)));
  };
  const putSmall = (name: string, text: string) => put(name, Buffer.byteLength(text), [Buffer.from(text)]);
  return {
    destination: (name) => ({
      name: label,
      hasBlob: async ({ digest }) => written.has(digest),
      putBlob: ({ digest, size }, content) =>
        inLane(async () => {
          await put(blobName(digest), size, content);
          written.add(digest);
        }),
      putManifest: (raw, tagged) =>
        inLane(async () => {
          const { digest, size } = raw.descriptor;
          if (!written.has(digest)) await put(blobName(digest), size, [raw.bytes]);
          written.add(digest);
          const document = readDocument(raw, label);
          if (tagged)
            index = withEntry(index, { ...raw.descriptor, mediaType: mediaTypeOf(raw, label) }, annotationsOf(name));
          // docker load of an index takes what manifest.json tells, so each image is told of there once, the tagged one with its name.
          if (document.kind !== "manifest" || !isImageConfig(document.manifest.config.mediaType)) return;
          const { config, layers } = document.manifest;
          saved.push({
            Config: blobName(config.digest),
            RepoTags: tagged && typeof name === "object" ? [familiarName(name)] : null,
            Layers: layers.map((layer) => blobName(layer.digest)),
          });
        }),
    }),
    async finish() {
      if (index.manifests.length === 0) return output.discard();
      await putSmall("index.json", JSON.stringify(index));
      await putSmall("manifest.json", JSON.stringify(saved));
      await putSmall("oci-layout", LAYOUT_MARK);
      await output.write(TAR_END);
      await output.finish();
    },
    discard: () => output.discard(),
  };
}

/** As docker save and containerd write them: the tag alone, and all of the name. */
function annotationsOf(name: string | ImageReference | undefined): Readonly<Record<string, string>> {
  if (name === undefined) return {};
  if (typeof name === "string") return { [REF_NAME]: name };
  return { [IMAGE_NAME]: formatReference(name), ...(name.tag !== undefined && { [REF_NAME]: name.tag }) };
}
