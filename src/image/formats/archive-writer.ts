import { LibctError } from "../../errors.ts";
import { padding } from "../layer/tar-reader.ts";
import { TAR_END, tarHeader } from "../layer/write-tar.ts";
import { readDocument } from "../manifest.ts";
import { mediaTypeOf } from "../manifest-type.ts";
import { isImageConfig, OCI_INDEX } from "../media-types.ts";
import { familiarName, formatReference, type ImageReference } from "../reference.ts";
import type { Descriptor, Digest, ImageDestination, Index, RawManifest } from "../types.ts";
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
  const archive: Archive = {
    output,
    label,
    written: new Set(),
    saved: [],
    index: { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] },
  };
  const inLane = createLane();
  return {
    destination: (name) => ({
      name: label,
      hasBlob: async ({ digest }) => archive.written.has(digest),
      putBlob: (descriptor, content) => inLane(() => putBlob(archive, descriptor, content)),
      putManifest: (raw, tagged) => inLane(() => putManifest(archive, raw, tagged, name)),
    }),
    async finish() {
      if (archive.index.manifests.length === 0) return output.discard();
      await putText(archive, "index.json", JSON.stringify(archive.index));
      await putText(archive, "manifest.json", JSON.stringify(archive.saved));
      await putText(archive, "oci-layout", LAYOUT_MARK);
      await output.write(TAR_END);
      await output.finish();
    },
    discard: () => output.discard(),
  };
}

/** What has been written, and what is to be told of it at the end. */
interface Archive {
  readonly output: Output;
  readonly label: string;
  readonly written: Set<Digest>;
  readonly saved: SavedImage[];
  index: Index;
}

type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

async function putBlob(archive: Archive, { digest, size }: Descriptor, content: Content): Promise<void> {
  // Of two that wait for the lane the second has nothing to do.
  if (archive.written.has(digest)) return;
  if (archive.written.size === 0) {
    for (const name of ["blobs/", "blobs/sha256/"])
      await archive.output.write(tarHeader({ name, type: "directory", mode: 0o755 }));
  }
  await putMember(archive, blobName(digest), size, content);
  archive.written.add(digest);
}

async function putMember({ output, label }: Archive, name: string, size: number, content: Content): Promise<void> {
  await output.write(tarHeader({ name, type: "file", size }));
  let count = 0;
  for await (const chunk of content) {
    count += chunk.length;
    await output.write(chunk);
  }
  if (count !== size) throw new LibctError("ERR_CT_DIGEST", `${label}: ${name} has ${count} bytes instead of ${size}`);
  if (padding(size) > 0) await output.write(new Uint8Array(padding(size)));
}

const putText = (archive: Archive, name: string, text: string): Promise<void> =>
  putMember(archive, name, Buffer.byteLength(text), [Buffer.from(text)]);

async function putManifest(
  archive: Archive,
  raw: RawManifest,
  tagged: boolean,
  name: string | ImageReference | undefined,
): Promise<void> {
  const { descriptor, bytes } = raw;
  await putBlob(archive, descriptor, [bytes]);
  const mediaType = mediaTypeOf(raw, archive.label);
  if (tagged) archive.index = withEntry(archive.index, { ...descriptor, mediaType }, annotationsOf(name));
  const document = readDocument(raw, archive.label);
  if (document.kind !== "manifest" || !isImageConfig(document.manifest.config.mediaType)) return;
  const { config, layers } = document.manifest;
  archive.saved.push({
    Config: blobName(config.digest),
    RepoTags: tagged && typeof name === "object" ? [familiarName(name)] : null,
    Layers: layers.map((layer) => blobName(layer.digest)),
  });
}

/** As docker save and containerd write them: the tag alone, and all of the name. */
function annotationsOf(name: string | ImageReference | undefined): Readonly<Record<string, string>> {
  if (name === undefined) return {};
  if (typeof name === "string") return { [REF_NAME]: name };
  return { [IMAGE_NAME]: formatReference(name), ...(name.tag !== undefined && { [REF_NAME]: name.tag }) };
}
