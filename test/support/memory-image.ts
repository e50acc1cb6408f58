import { digestOf } from "../../src/image/digest.ts";
import { collectBytes } from "../../src/image/read-blob.ts";
import type {
  Descriptor,
  Digest,
  ImageConfig,
  ImageDestination,
  ImageSource,
  Index,
  Manifest,
  Platform,
  RawManifest,
} from "../../src/image/types.ts";

/** Images in memory: a source and a destination that keeps nothing but what it was given whole. */
export class MemoryImages implements ImageSource, ImageDestination {
  readonly name = "memory";
  readonly blobs = new Map<Digest, Uint8Array>();
  readonly manifests = new Map<Digest, RawManifest>();
  /** What was asked for and put, in order. */
  readonly calls: string[] = [];
  tagged: Digest | undefined;

  addBlob(content: Uint8Array | string, mediaType: string): Descriptor {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  addManifest(value: Manifest | Index | object, mediaType: string): Descriptor {
    const bytes = Buffer.from(JSON.stringify(value));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    this.manifests.set(descriptor.digest, { descriptor, bytes });
    this.tagged = descriptor.digest;
    return descriptor;
  }

  /** An image of layers with these contents. */
  addImage(layers: readonly string[], platform: Platform = { os: "linux", architecture: "amd64" }): Descriptor {
    const config: ImageConfig = {
      ...platform,
      rootfs: { type: "layers", diff_ids: layers.map((layer) => digestOf(Buffer.from(layer))) },
    };
    const type = (kind: string) => `application/vnd.oci.image.${kind}`;
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: type("manifest.v1+json"),
      config: this.addBlob(JSON.stringify(config), type("config.v1+json")),
      layers: layers.map((layer) => this.addBlob(layer, type("layer.v1.tar"))),
    };
    return { ...this.addManifest(manifest, type("manifest.v1+json")), platform };
  }

  addIndex(manifests: readonly Descriptor[]): Descriptor {
    const mediaType = "application/vnd.oci.image.index.v1+json";
    return this.addManifest({ schemaVersion: 2, mediaType, manifests }, mediaType);
  }

  async manifest(digest: Digest | undefined = this.tagged): Promise<RawManifest> {
    const found = digest && this.manifests.get(digest);
    if (!found) throw new Error(`no manifest ${digest}`);
    return found;
  }

  async blob({ digest }: Descriptor, { from = 0 }: { readonly from?: number } = {}) {
    this.calls.push(`blob ${digest.slice(7, 11)} ${from}`);
    const bytes = this.blobs.get(digest);
    if (!bytes) throw new Error(`no blob ${digest}`);
    return { from, content: pieces(bytes.subarray(from), bytes.length > 1000 ? 16_384 : 3) };
  }

  async hasBlob({ digest }: Descriptor): Promise<boolean> {
    return this.blobs.has(digest);
  }

  async putBlob(descriptor: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
    this.calls.push(`put ${descriptor.digest.slice(7, 11)}`);
    this.blobs.set(descriptor.digest, await collectBytes(content, 1 << 30, this.name));
  }

  async putManifest(manifest: RawManifest, tagged: boolean): Promise<void> {
    this.calls.push(`manifest ${manifest.descriptor.digest.slice(7, 11)}${tagged ? " tagged" : ""}`);
    this.manifests.set(manifest.descriptor.digest, manifest);
    if (tagged) this.tagged = manifest.descriptor.digest;
  }
}

/** In pieces, so that what comes after the first one matters. */
export async function* pieces(bytes: Uint8Array, size = 3): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
