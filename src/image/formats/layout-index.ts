import { LibctError } from "../../errors.ts";
import { readDocument } from "../manifest.ts";
import { OCI_INDEX } from "../media-types.ts";
import type { Descriptor, Index } from "../types.ts";

/** image-spec, annotations.md. */
export const REF_NAME = "org.opencontainers.image.ref.name";
/** What containerd, buildx and Docker write beside it: the whole reference. */
export const IMAGE_NAME = "io.containerd.image.name";

/** index.json of a layout. */
export function readLayoutIndex(bytes: Uint8Array, from: string): Index {
  const document = readDocument(
    { descriptor: { mediaType: OCI_INDEX, digest: `sha256:${"0".repeat(64)}`, size: bytes.length }, bytes },
    from,
  );
  if (document.kind === "index") return document.index;
  throw new LibctError("ERR_CT_IMAGE", `${from}: its index.json is no index`);
}

const namesOf = ({ annotations }: Descriptor): readonly string[] =>
  [annotations?.[IMAGE_NAME], annotations?.[REF_NAME]].filter((name) => name !== undefined);

/** All names of images in it, the whole ones where there are such. */
export const imageNames = ({ manifests }: Index): readonly string[] =>
  manifests.flatMap((entry) => namesOf(entry).slice(0, 1));

/** The entry that a name means; without a name the only one. Undefined: the index itself is the image, with an entry for each platform. */
export function chooseEntry({ manifests }: Index, name: string | undefined, from: string): Descriptor | undefined {
  const found =
    name === undefined
      ? manifests
      : manifests.filter((entry) => namesOf(entry).includes(name) || entry.digest === name);
  const [first] = found;
  if (first && found.length === 1) return first;
  // Of one name the last counts: that is what appending tools mean.
  if (first && name !== undefined) return found.at(-1);
  if (first && found.every((entry) => entry.platform && namesOf(entry).length === 0)) return undefined;
  const known = imageNames({ schemaVersion: 2, manifests });
  const hint = known.length > 0 ? `it has ${known.slice(0, 20).join(", ")}` : undefined;
  if (!first)
    throw new LibctError(
      "ERR_CT_NO_SUCH_IMAGE",
      `${from}: there is no image${name === undefined ? "" : ` ${JSON.stringify(name)}`}`,
      { hint },
    );
  throw new LibctError("ERR_CT_USAGE", `${from}: there are ${found.length} images, and none was chosen`, { hint });
}

/** The index with an image under a name, in the place of one that had it. */
export function withEntry(index: Index, descriptor: Descriptor, names: Readonly<Record<string, string>>): Index {
  const { mediaType, digest, size, platform } = descriptor;
  const others = index.manifests.filter((entry) =>
    Object.keys(names).length === 0
      ? entry.digest !== digest || namesOf(entry).length > 0
      : entry.annotations?.[REF_NAME] !== names[REF_NAME],
  );
  const entry = {
    mediaType,
    digest,
    size,
    ...(platform && { platform }),
    ...(Object.keys(names).length > 0 && { annotations: names }),
  };
  return { ...index, manifests: [...others, entry] };
}
