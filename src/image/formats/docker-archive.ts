import { LibctError } from "../../errors.ts";
import { digestOf } from "../digest.ts";
import { hashContent } from "../hash-content.ts";
import { detectCompression } from "../layer/compression.ts";
import { LARGEST_CONFIG, LARGEST_MANIFEST, readConfig, requireFewLayers } from "../manifest.ts";
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from "../media-types.ts";
import { formatReference, type ImageReference, parseReference } from "../reference.ts";
import type { Descriptor, Digest, ImageSource, Manifest, RawManifest } from "../types.ts";
import type { Members } from "./members.ts";

/** An entry of manifest.json, as `docker save` writes it. */
export interface SavedImage {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

/** The images in an archive of `docker save`. */
export async function savedImages(members: Members): Promise<readonly SavedImage[]> {
  const bytes = await members.read("manifest.json", LARGEST_MANIFEST);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw bad(members, "its manifest.json is no JSON", cause);
  }
  if (!Array.isArray(value) || !value.every(isSavedImage)) throw bad(members, "its manifest.json is no list of images");
  return value;
}

function isSavedImage(value: unknown): value is SavedImage {
  const { Config, RepoTags, Layers } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const texts = (list: unknown) => Array.isArray(list) && list.every((one) => typeof one === "string");
  return (
    typeof Config === "string" && (RepoTags === undefined || RepoTags === null || texts(RepoTags)) && texts(Layers)
  );
}

const bad = (members: Members, why: string, cause?: unknown) =>
  new LibctError("ERR_CT_IMAGE", `${members.name} is no archive of docker save: ${why}`, { path: members.name, cause });

/** An image of such an archive. It has no manifest of its own, so one is made of what is there: equal archives give equal manifests. */
export function dockerArchiveSource(members: Members, reference?: ImageReference): ImageSource {
  const name = `docker-archive:${members.name}${reference ? `:${formatReference(reference)}` : ""}`;
  let made: Promise<Made> | undefined;
  const image = () => {
    made ??= makeManifest(members, reference);
    return made;
  };
  return {
    name,
    async manifest(digest) {
      const { raw } = await image();
      if (digest === undefined || digest === raw.descriptor.digest) return raw;
      throw new LibctError("ERR_CT_NO_SUCH_IMAGE", `${name}: there is no manifest ${digest}`);
    },
    async blob({ digest }, { from = 0, signal } = {}) {
      const member = (await image()).places.get(digest);
      if (member === undefined) throw new LibctError("ERR_CT_NO_SUCH_IMAGE", `${name}: there is no blob ${digest}`);
      return { from, content: members.stream(member, from, signal) };
    },
    close: () => members.close(),
  };
}

interface Made {
  readonly raw: RawManifest;
  /** Which member has which blob. */
  readonly places: ReadonlyMap<Digest, string>;
}

async function makeManifest(members: Members, reference: ImageReference | undefined): Promise<Made> {
  const saved = chooseSaved(await savedImages(members), reference, members);
  requireFewLayers(saved.Layers.length, "manifest.json", members.name);
  const bytes = await members.read(saved.Config, LARGEST_CONFIG);
  const configDescriptor: Descriptor = { mediaType: OCI_CONFIG, digest: digestOf(bytes), size: bytes.length };
  const places = new Map<Digest, string>([[configDescriptor.digest, saved.Config]]);
  const config = readConfig(bytes, { layers: saved.Layers }, members.name);
  const layers: Descriptor[] = [];
  const hashes = new Map<string, Promise<Digest>>();
  const hashOf = (member: string): Promise<Digest> => {
    const hash = hashes.get(member) ?? hashContent(members.stream(member));
    hashes.set(member, hash);
    return hash;
  };
  for (const [at, member] of saved.Layers.entries()) {
    const layer = await describeLayer(members, member, config.rootfs.diff_ids[at], hashOf);
    places.set(layer.digest, member);
    layers.push(layer);
  }
  const manifest: Manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: configDescriptor, layers };
  const text = Buffer.from(JSON.stringify(manifest));
  const descriptor: Descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(text), size: text.length };
  return { raw: { descriptor, bytes: text }, places };
}

/** An uncompressed layer's digest is its diff_id, which is checked when it is read; a compressed one must be read to know it. */
async function describeLayer(
  members: Members,
  member: string,
  diffId: Digest | undefined,
  hashOf: (member: string) => Promise<Digest>,
): Promise<Descriptor> {
  const size = members.sizeOf(member);
  const compression = detectCompression(await head(members, member));
  if (compression === "none" && diffId) return { mediaType: OCI_LAYER, digest: diffId, size };
  return { mediaType: `${OCI_LAYER}+${compression}`, digest: await hashOf(member), size };
}

async function head(members: Members, member: string): Promise<Uint8Array> {
  for await (const chunk of members.stream(member)) return chunk;
  return new Uint8Array();
}

function chooseSaved(
  images: readonly SavedImage[],
  reference: ImageReference | undefined,
  members: Members,
): SavedImage {
  const wanted = reference && formatReference(reference);
  const found =
    wanted === undefined ? images : images.filter(({ RepoTags }) => RepoTags?.some((tag) => sameName(tag, wanted)));
  const [first] = found;
  if (first && found.length === 1) return first;
  const known = images.flatMap(({ RepoTags }) => RepoTags ?? ["(without a name)"]);
  const hint = known.length > 0 ? `it has ${known.slice(0, 20).join(", ")}` : undefined;
  if (!first)
    throw new LibctError("ERR_CT_NO_SUCH_IMAGE", `${members.name}: there is no image ${wanted ?? ""}`, { hint });
  throw new LibctError("ERR_CT_USAGE", `${members.name}: there are ${found.length} images, and none was chosen`, {
    hint,
  });
}

function sameName(tag: string, wanted: string): boolean {
  try {
    return formatReference(parseReference(tag)) === wanted;
  } catch {
    return false; // Not a name that anybody could ask for.
  }
}

/** Whether there is anything of a layout or of docker save in an archive. */
export type ArchiveKind = "oci" | "docker";

/** A layout goes first: since version 25 docker save writes both, and the layout has the manifests as they are. */
export async function archiveKind(members: Members): Promise<ArchiveKind> {
  if (members.has("oci-layout") && members.has("index.json")) return "oci";
  if (members.has("manifest.json")) return "docker";
  await members.close();
  throw new LibctError(
    "ERR_CT_IMAGE",
    `${members.name} is no archive of images: it has neither index.json nor manifest.json`,
    {
      path: members.name,
      hint: "a tar file of a root filesystem is tar:FILE (`ct image import`)",
    },
  );
}
