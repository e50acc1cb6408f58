import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { digestOf } from "../../src/image/digest.ts";
import type { TarType } from "../../src/image/layer/tar-entry.ts";
import { writeTar } from "../../src/image/layer/write-tar.ts";
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from "../../src/image/media-types.ts";
import { hostPlatform } from "../../src/image/platform.ts";
import type { Descriptor, Digest, ImageConfig, ImageSource } from "../../src/image/types.ts";

/** A file of a layer, by its path: its content, or more about it. */
export type LayerFiles = Readonly<Record<string, string | Uint8Array | LayerFile>>;

export interface LayerFile {
  readonly type?: TarType;
  readonly mode?: number;
  readonly content?: string | Uint8Array;
  readonly target?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** An image that is made by the test, and a source that gives it and counts what was asked for. */
export interface BuiltImage extends ImageSource {
  readonly digest: Digest;
  readonly id: Digest;
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
  /** The digests that were asked for, in this order. */
  readonly asked: Digest[];
}

export async function layerTar(files: LayerFiles): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const members = Object.entries(files).map(([name, given]) => {
    const file: LayerFile = typeof given === "string" || given instanceof Uint8Array ? { content: given } : given;
    const content = Buffer.from(file.content ?? "");
    const type = file.type ?? (file.target === undefined ? (name.endsWith("/") ? "directory" : "file") : "symlink");
    const mode = file.mode ?? (type === "directory" ? 0o755 : 0o644);
    const { uid = 0, gid = 0, target } = file;
    const ids = { mode, uid, gid, mtime: { seconds: 1_700_000_000, nanoseconds: 0 } };
    const entry = { name, type, size: content.length, ...ids, ...(target === undefined ? {} : { linkname: target }) };
    return { entry, content: [content] };
  });
  for await (const part of writeTar(members)) parts.push(part);
  return Buffer.concat(parts);
}

export interface ImageOptions {
  readonly name?: string;
  readonly config?: ImageConfig["config"];
  /** Layers are compressed. Default: true */
  readonly gzip?: boolean;
  /** What the config says of the layers, when it is not the truth. */
  readonly diffIds?: readonly Digest[];
}

/** An image of these layers, the lowest first. */
export async function builtImage(layers: readonly LayerFiles[], options: ImageOptions = {}): Promise<BuiltImage> {
  const { name = "test", config = {}, gzip = true } = options;
  const blobs = new Map<Digest, Uint8Array>();
  const keep = (bytes: Uint8Array, mediaType: string): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const tars = await Promise.all(layers.map(layerTar));
  const about: ImageConfig = {
    ...hostPlatform(),
    created: "2024-01-01T00:00:00Z",
    config,
    rootfs: { type: "layers", diff_ids: options.diffIds ?? tars.map((tar) => digestOf(tar)) },
    history: tars.map((_, index) => ({ created: "2024-01-01T00:00:00Z", created_by: `layer ${index}` })),
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const manifest = keep(
    json({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: keep(json(about), OCI_CONFIG),
      layers: tars.map((tar) => (gzip ? keep(gzipSync(tar), `${OCI_LAYER}+gzip`) : keep(tar, OCI_LAYER))),
    }),
    OCI_MANIFEST,
  );
  return sourceOf(name, manifest, digestOf(json(about)), blobs);
}

function sourceOf(name: string, top: Descriptor, id: Digest, blobs: ReadonlyMap<Digest, Uint8Array>): BuiltImage {
  const asked: Digest[] = [];
  const take = (digest: Digest): Uint8Array => {
    const bytes = blobs.get(digest);
    if (!bytes) throw new Error(`the test's image has no ${digest}`);
    asked.push(digest);
    return bytes;
  };
  return {
    name,
    digest: top.digest,
    id,
    blobs,
    asked,
    async manifest(digest) {
      return { descriptor: top, bytes: take(digest ?? top.digest) };
    },
    async blob({ digest }, { from = 0 } = {}) {
      return { from, content: pieces(take(digest).subarray(from)) };
    },
  };
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536);
}

const APPLETS = [
  "sh",
  "ls",
  "cat",
  "id",
  "echo",
  "sleep",
  "env",
  "pwd",
  "rm",
  "mkdir",
  "touch",
  "stat",
  "true",
  "find",
  "kill",
];

/** A layer with a busybox, a passwd and a user "app" (1000:1001). */
export const busyboxLayer = (): LayerFiles => ({
  "bin/": {},
  "bin/busybox": { content: readFileSync("/bin/busybox"), mode: 0o755 },
  ...Object.fromEntries(APPLETS.map((name) => [`bin/${name}`, { target: "busybox" }])),
  "etc/": {},
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n",
  "etc/group": "root:x:0:\napp:x:1001:\nstaff:x:50:app\n",
  "tmp/": { mode: 0o1777 },
  "home/": {},
  "home/app/": { uid: 1000, gid: 1001 },
  ...Object.fromEntries(["proc/", "sys/", "dev/", "root/"].map((name) => [name, {}])),
});
