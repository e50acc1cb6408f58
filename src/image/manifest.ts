import { LibctError } from "../errors.ts";
import { faultOfConfig } from "./config-schema.ts";
import { isDigest } from "./digest.ts";
import { isImageConfig, isIndex, isManifest, isSchema1, OCI_INDEX, OCI_MANIFEST } from "./media-types.ts";
import type { Descriptor, ImageConfig, Index, Manifest, RawManifest } from "./types.ts";

/** distribution-spec, "Pushing Manifests": registries should take at least 4 MiB, and nobody needs more. */
export const LARGEST_MANIFEST = 4 * 1024 * 1024;
/** A config has one line of history for each layer. */
export const LARGEST_CONFIG = 8 * 1024 * 1024;
/** Layers that an overlay could never show. */
const MOST_LAYERS = 1000;

/** A manifest or an index, and which of them. */
export type Document =
  | { readonly kind: "manifest"; readonly manifest: Manifest }
  | { readonly kind: "index"; readonly index: Index };

/** Reads what a source has given; `from` is for messages. The bytes are not trusted. */
export function readDocument({ descriptor, bytes }: RawManifest, from: string): Document {
  const value = readJson(bytes, from, "manifest");
  const mediaType = documentType(descriptor, value);
  if (isSchema1(mediaType) || value.schemaVersion === 1) {
    throw new LibctError(
      "ERR_CT_IMAGE",
      `${from}: this image has Docker's manifest schema 1, which libct does not read`,
      {
        hint: "push it again with a Docker that is not older than 1.10",
      },
    );
  }
  if (value.schemaVersion !== 2) throw malformed(from, "manifest", "schemaVersion is not 2");
  if (isIndex(mediaType)) return { kind: "index", index: readIndex(value, from) };
  if (isManifest(mediaType)) return { kind: "manifest", manifest: readManifest(value, from) };
  throw new LibctError("ERR_CT_IMAGE", `${from}: this is no image: its media type is ${JSON.stringify(mediaType)}`);
}

type Json = Readonly<Record<string, unknown>>;

function readJson(bytes: Uint8Array, from: string, what: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new LibctError("ERR_CT_IMAGE", `${from}: the ${what} is no JSON`, { cause });
  }
  if (!isObject(value)) throw malformed(from, what, "it is no object");
  return value;
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The document's own mediaType goes first; a registry's Content-Type may be wrong (application/octet-stream, application/json). What could be read as both
 * manifest and index is refused: two programs would see two images under one digest (CVE-2021-41190).
 */
function documentType({ mediaType: told }: Descriptor, value: Json): string {
  const { mediaType: own } = value;
  const looksLike = Array.isArray(value.manifests) ? OCI_INDEX : OCI_MANIFEST;
  if (Array.isArray(value.manifests) && ("layers" in value || "config" in value || "fsLayers" in value)) {
    throw new LibctError("ERR_CT_IMAGE", "a manifest that is an index too is ambiguous, and refused (CVE-2021-41190)");
  }
  if (typeof own === "string" && own !== "") return own;
  return isManifest(told) || isIndex(told) || isSchema1(told) ? (isIndex(told) ? OCI_INDEX : told) : looksLike;
}

function readIndex(value: Json, from: string): Index {
  const { manifests } = value;
  if (!Array.isArray(manifests)) throw malformed(from, "index", "it has no list of manifests");
  manifests.forEach((one, at) => void checkDescriptor(one, `manifests[${at}]`, from));
  return value as unknown as Index;
}

function readManifest(value: Json, from: string): Manifest {
  const { config, layers } = value;
  checkDescriptor(config, "config", from);
  if (!Array.isArray(layers)) throw malformed(from, "manifest", "it has no list of layers");
  requireFewLayers(layers.length, "manifest", from);
  layers.forEach((one, at) => void checkDescriptor(one, `layers[${at}]`, from));
  return value as unknown as Manifest;
}

/** Before anybody looks at them one by one. */
export function requireFewLayers(count: number, what: string, from: string): void {
  if (count <= MOST_LAYERS) return;
  throw malformed(from, what, `it has ${count} layers, which is more than ${MOST_LAYERS}`);
}

function checkDescriptor(value: unknown, member: string, from: string): void {
  const wrong = (why: string) => malformed(from, "manifest", `${member} ${why}`);
  if (!isObject(value)) throw wrong("is no descriptor");
  const { mediaType, digest, size, urls } = value;
  if (!isDigest(digest)) throw wrong("has no digest that libct knows (sha256 or sha512, in lower case)");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) throw wrong("has no size");
  if (typeof mediaType !== "string") throw wrong("has no mediaType");
  if (urls !== undefined && !(Array.isArray(urls) && urls.every((url) => typeof url === "string"))) {
    throw wrong("has urls that are no list of texts");
  }
}

/** Throws when the manifest is of something that no container can be made of: charts, signatures, modules, models. */
export function refuseArtifact(manifest: Manifest, from: string): void {
  const { artifactType, config } = manifest;
  if (isImageConfig(config.mediaType)) return;
  const type = artifactType ?? config.mediaType;
  throw new LibctError(
    "ERR_CT_IMAGE",
    `${from}: this is no container image but an artifact of type ${JSON.stringify(type)}`,
    {
      hint: "programs that such artifacts are for can fetch it, or oras(1)",
    },
  );
}

/** Reads an image's config, and checks that it belongs to the manifest. */
export function readConfig(
  bytes: Uint8Array,
  { layers }: { readonly layers: readonly unknown[] },
  from: string,
): ImageConfig {
  const value = readJson(bytes, from, "config");
  const { os, architecture, rootfs } = value;
  if (typeof os !== "string" || typeof architecture !== "string") {
    throw malformed(from, "config", "os and architecture are missing");
  }
  const fault = faultOfConfig(value);
  if (fault !== undefined) throw malformed(from, "config", fault);
  const ids = isObject(rootfs) ? rootfs.diff_ids : undefined;
  if (!Array.isArray(ids) || !ids.every(isDigest))
    throw malformed(from, "config", "rootfs.diff_ids is no list of digests");
  if (ids.length !== layers.length) {
    throw malformed(from, "config", `it tells of ${ids.length} layers, the manifest of ${layers.length}`);
  }
  return value as unknown as ImageConfig;
}

const malformed = (from: string, what: string, why: string) =>
  new LibctError("ERR_CT_IMAGE", `${from}: the ${what} is malformed: ${why}`);
