import { LibctError } from "../errors.ts";
import { throwIfAborted } from "./abort.ts";
import { blobContent, bytesContent } from "./blob-content.ts";
import { blobReporter, type CopyEvent } from "./copy-events.ts";
import { verifyBytes } from "./digest.ts";
import { LARGEST_CONFIG, readConfig, readDocument, refuseArtifact } from "./manifest.ts";
import { isImageConfig } from "./media-types.ts";
import { choosePlatform, formatPlatform, hostPlatform, runsOn } from "./platform.ts";
import { forEachOf } from "./pool.ts";
import { readBlob } from "./read-blob.ts";
import type {
  Descriptor,
  Digest,
  ImageConfig,
  ImageDestination,
  ImageSource,
  Manifest,
  Platform,
  RawManifest,
} from "./types.ts";

export interface CopyOptions {
  /** Which image of an index; "all" copies the index with all that it lists. Default: the one for this machine. */
  readonly platform?: Platform | "all" | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How many blobs are under way at a time. */
  readonly parallel?: number | undefined;
  readonly progress?: ((event: CopyEvent) => void) | undefined;
}

export interface CopyResult {
  /** What the destination's reference names now. */
  readonly manifest: RawManifest;
  /** What the source's reference named: the same, or the index that it was chosen from. */
  readonly source: RawManifest;
  /** Of the image, when it was one. */
  readonly config?: ImageConfig;
}

/** More connections do not make a registry faster, and each has its buffers. */
const PARALLEL = 4;
/** Indexes in indexes in ... */
const DEEPEST = 4;
/** Manifests of one copy, and the bytes of them and of their configs: the largest images have some tens for all of their platforms. */
const MOST_MANIFESTS = 1000;
const LARGEST_PLAN = 64 * 1024 * 1024;

/** One manifest with what belongs to it. */
interface Image {
  readonly raw: RawManifest;
  readonly manifest: Manifest;
  /** Its bytes, when it is an image's config: it was read to see what the image is. */
  readonly config?: { readonly bytes: Uint8Array; readonly value: ImageConfig };
}

/** What is to be copied: images, then the indexes above them, from the lowest up. */
interface Plan {
  readonly images: Image[];
  readonly indexes: RawManifest[];
  /** An index may list the same again and again. */
  readonly collected: Set<Digest>;
  /** Bytes of manifests and configs, which are kept until all is copied. */
  size: number;
}

/**
 * Copies an image: pull, push, save and load are this with different ends. Digests and sizes are checked; blobs come before the manifests that name them, so the
 * destination's reference never names what is not there.
 */
export async function copyImage(
  source: ImageSource,
  destination: ImageDestination,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const { signal } = options;
  try {
    return await copyAll(source, destination, options);
  } catch (error) {
    // However what was under way ended then.
    throwIfAborted(signal, `copying ${source.name}`);
    throw error;
  }
}

async function copyAll(source: ImageSource, destination: ImageDestination, options: CopyOptions): Promise<CopyResult> {
  const { signal, progress = () => undefined } = options;
  throwIfAborted(signal, `copying ${source.name}`);
  const root = await manifestOf(source, undefined, signal);
  const plan: Plan = { images: [], indexes: [], collected: new Set(), size: 0 };
  const tagged = await collect(source, root, options, plan, 0);
  for (const { raw, config } of plan.images) {
    const platform = config && { platform: platformOf(config.value) };
    progress({ event: "manifest", digest: raw.descriptor.digest, ...platform });
  }
  await copyBlobs(source, destination, plan.images, options);
  const manifests = [
    ...new Map(
      [...plan.images.map(({ raw }) => raw), ...plan.indexes].map((raw) => [raw.descriptor.digest, raw]),
    ).values(),
  ];
  for (const raw of manifests)
    await destination.putManifest(raw, raw.descriptor.digest === tagged.descriptor.digest, { signal });
  const config = plan.images.length === 1 ? plan.images[0]?.config?.value : undefined;
  return { manifest: tagged, source: root, ...(config && { config }) };
}

async function manifestOf(
  source: ImageSource,
  entry: Descriptor | undefined,
  signal: AbortSignal | undefined,
): Promise<RawManifest> {
  const raw = await source.manifest(entry?.digest, { signal });
  verifyBytes(entry ?? raw.descriptor, raw.bytes, source.name);
  return entry ? { descriptor: { ...raw.descriptor, ...entry }, bytes: raw.bytes } : raw;
}

/** Adds what is to be copied for a manifest or index to the plan, and gives what will have the reference. */
async function collect(
  source: ImageSource,
  raw: RawManifest,
  options: CopyOptions,
  plan: Plan,
  depth: number,
): Promise<RawManifest> {
  const { platform, signal } = options;
  if (depth > DEEPEST)
    throw new LibctError("ERR_CT_IMAGE", `${source.name}: indexes are nested more than ${DEEPEST} deep`);
  const document = readDocument(raw, source.name);
  plan.collected.add(raw.descriptor.digest);
  retain(plan, raw.bytes.length, source.name);
  if (document.kind === "manifest") {
    const image = await readImage(source, raw, document.manifest, options, depth);
    retain(plan, image.config?.bytes.length ?? 0, source.name);
    plan.images.push(image);
    return raw;
  }
  const entries = document.index.manifests;
  if (platform !== "all") {
    const chosen = choosePlatform(entries, platform ?? hostPlatform(), source.name);
    return collect(source, await manifestOf(source, chosen, signal), options, plan, depth + 1);
  }
  for (const entry of entries) {
    if (plan.collected.has(entry.digest)) continue;
    await collect(source, await manifestOf(source, entry, signal), options, plan, depth + 1);
  }
  plan.indexes.push(raw);
  return raw;
}

function retain(plan: Plan, bytes: number, from: string): void {
  plan.size += bytes;
  if (plan.size <= LARGEST_PLAN && plan.collected.size <= MOST_MANIFESTS) return;
  throw new LibctError("ERR_CT_IMAGE", `${from}: the index leads to more than libct copies at a time`, {
    hint: `at most ${MOST_MANIFESTS} manifests, and ${LARGEST_PLAN} bytes of them and of their configs; choose a platform`,
  });
}

async function readImage(
  source: ImageSource,
  raw: RawManifest,
  manifest: Manifest,
  { platform, signal }: CopyOptions,
  depth: number,
): Promise<Image> {
  // Beside the images of an index there are attestations and signatures, which belong to it.
  if (platform !== "all" || depth === 0) refuseArtifact(manifest, source.name);
  if (!isImageConfig(manifest.config.mediaType)) return { raw, manifest };
  const bytes = await readBlob(source, manifest.config, LARGEST_CONFIG, { signal });
  const value = readConfig(bytes, manifest, source.name);
  // Without an index there is no choice, so only what was asked for expressly is insisted on, as Docker does.
  if (platform !== undefined && platform !== "all" && !runsOn(platformOf(value), platform)) {
    throw new LibctError("ERR_CT_IMAGE", `${source.name}: there is no image for ${formatPlatform(platform)}`, {
      hint: `there is one for ${formatPlatform(platformOf(value))} only`,
    });
  }
  return { raw, manifest, config: { bytes, value } };
}

const platformOf = ({ os, architecture, variant }: ImageConfig): Platform => ({
  os,
  architecture,
  ...(variant !== undefined && { variant }),
});

async function copyBlobs(
  source: ImageSource,
  destination: ImageDestination,
  images: readonly Image[],
  options: CopyOptions,
): Promise<void> {
  const { progress = () => undefined, parallel = PARALLEL, signal } = options;
  // A layer that is there twice, or in several images, is one blob.
  const blobs = new Map<Digest, { readonly descriptor: Descriptor; readonly bytes?: Uint8Array }>();
  for (const { manifest, config } of images) {
    for (const descriptor of manifest.layers) blobs.set(descriptor.digest, { descriptor });
    blobs.set(manifest.config.digest, { descriptor: manifest.config, ...(config && { bytes: config.bytes }) });
  }
  const jobs = [...blobs.values()].map((blob) => ({ ...blob, report: blobReporter(blob.descriptor, progress) }));
  for (const { report } of jobs) report("waiting", 0);
  await forEachOf(jobs, parallel, signal, async ({ descriptor, bytes, report }, stop) => {
    if (await destination.hasBlob(descriptor, { from: source, signal: stop }))
      return report("present", descriptor.size);
    if (bytes) await destination.putBlob(descriptor, bytesContent(bytes), { signal: stop });
    else await copyBlob(source, destination, descriptor, stop, (count) => report("copying", count));
    report("done", descriptor.size);
  });
  throwIfAborted(signal, `copying ${source.name}`);
}

async function copyBlob(
  source: ImageSource,
  destination: ImageDestination,
  descriptor: Descriptor,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): Promise<void> {
  let resumed = false;
  const marks = () => {
    resumed = true;
  };
  try {
    await destination.putBlob(descriptor, blobContent(source, descriptor, { signal, progress, resumed: marks }), {
      signal,
    });
  } catch (error) {
    // A part from an earlier transfer may be what was wrong (a machine that lost power wrote only some of it); the destination has thrown it away.
    if (!resumed || !(error instanceof LibctError) || error.code !== "ERR_CT_DIGEST") throw error;
    await destination.putBlob(descriptor, blobContent(source, descriptor, { signal, progress }), { signal });
  }
}
