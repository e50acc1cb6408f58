import { existsSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { algorithmOf, digestOf } from "../digest.ts";
import { LARGEST_MANIFEST } from "../manifest.ts";
import { mediaTypeOf } from "../manifest-type.ts";
import { OCI_INDEX } from "../media-types.ts";
import type { Descriptor, Digest, ImageDestination, ImageSource, Index, RawManifest } from "../types.ts";
import { fileError, makeDirectory, readSmall, replaceFile, writeWhole } from "./files.ts";
import { chooseEntry, REF_NAME, readLayoutIndex, withEntry } from "./layout-index.ts";
import type { Members } from "./members.ts";

export const LAYOUT_MARK = '{"imageLayoutVersion":"1.0.0"}';

/** blobs/sha256/... (image-layout.md). Digests are of a known form, so no other path can come of one. */
export const blobName = (digest: Digest): string =>
  `blobs/${algorithmOf(digest)}/${digest.slice(digest.indexOf(":") + 1)}`;

/** An image in an OCI layout, be it a directory or an archive. */
export function layoutSource(members: Members, name?: string, transport = "oci"): ImageSource {
  const from = `${transport}:${members.name}${name === undefined ? "" : `:${name}`}`;
  const readManifest = async (digest: Digest, entry?: Descriptor): Promise<RawManifest> => {
    const bytes = await members.read(blobName(digest), LARGEST_MANIFEST);
    return { descriptor: entry ?? { mediaType: "", digest, size: bytes.length }, bytes };
  };
  return {
    name: from,
    async manifest(digest) {
      if (digest !== undefined) return readManifest(digest);
      const bytes = await members.read("index.json", LARGEST_MANIFEST);
      const entry = chooseEntry(readLayoutIndex(bytes, from), name, from);
      if (entry) return readManifest(entry.digest, entry);
      return { descriptor: { mediaType: OCI_INDEX, digest: digestOf(bytes), size: bytes.length }, bytes };
    },
    async blob({ digest }, { from: start = 0, signal } = {}) {
      const member = blobName(digest);
      if (members.has(member)) return { from: start, content: members.stream(member, start, signal) };
      throw new LibctError("ERR_CT_NO_SUCH_IMAGE", `${from}: ${member} is missing: the layout is not whole`, {
        path: member,
      });
    },
    close: () => members.close(),
  };
}

/** An OCI layout directory to write into; it is made when it is not there, and what is in it stays. */
export function layoutDestination(directory: string, name?: string): ImageDestination {
  return {
    name: `oci:${directory}${name === undefined ? "" : `:${name}`}`,
    async hasBlob({ digest }) {
      return existsSync(`${directory}/${blobName(digest)}`);
    },
    async putBlob({ digest }, content) {
      await writeWhole(blobPlace(directory, digest), content);
    },
    async putManifest(raw, tagged) {
      const { digest } = raw.descriptor;
      replaceFile(blobPlace(directory, digest), raw.bytes);
      if (!tagged) return;
      const index = withEntry(
        indexOf(directory),
        { ...raw.descriptor, mediaType: mediaTypeOf(raw, directory) },
        name === undefined ? {} : { [REF_NAME]: name },
      );
      replaceFile(`${directory}/index.json`, JSON.stringify(index));
      replaceFile(`${directory}/oci-layout`, LAYOUT_MARK);
    },
  };
}

function blobPlace(directory: string, digest: Digest): string {
  makeDirectory(`${directory}/blobs/${algorithmOf(digest)}`);
  return `${directory}/${blobName(digest)}`;
}

function indexOf(directory: string): Index {
  const path = `${directory}/index.json`;
  if (!existsSync(path)) return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] };
  try {
    return readLayoutIndex(readSmall(path, LARGEST_MANIFEST), `oci:${directory}`);
  } catch (error) {
    throw fileError("read", path, error);
  }
}
