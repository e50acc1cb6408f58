/** "sha256:..." or "sha512:..." with the digest in lower case hexadecimal. */
export type Digest = `${"sha256" | "sha512"}:${string}`;

/** OCI image-spec, descriptor.md; Docker's schema 2 has the same members. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** image-index.md; `variant` such as "v8" */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
}

/** manifest.md */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** image-index.md */
export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** config.md, with what Docker adds to it. */
export interface ImageConfig extends Platform {
  readonly created?: string;
  readonly author?: string;
  readonly config?: {
    readonly User?: string;
    readonly ExposedPorts?: Readonly<Record<string, Readonly<Record<string, never>>>> | null;
    readonly Env?: readonly string[] | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Volumes?: Readonly<Record<string, Readonly<Record<string, never>>>> | null;
    readonly WorkingDir?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly StopSignal?: string;
    readonly StopTimeout?: number;
    readonly Shell?: readonly string[] | null;
    /** Times in nanoseconds. */
    readonly Healthcheck?: {
      readonly Test?: readonly string[];
      readonly Interval?: number;
      readonly Timeout?: number;
      readonly StartPeriod?: number;
      readonly StartInterval?: number;
      readonly Retries?: number;
    };
  };
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly {
    readonly created?: string;
    readonly created_by?: string;
    readonly author?: string;
    readonly comment?: string;
    readonly empty_layer?: boolean;
  }[];
}

/** A manifest or an index as it was found: its digest is that of these bytes. */
export interface RawManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** Where images come from: a registry, a layout, an archive, the store. What it gives is not trusted: whoever reads verifies digests and sizes. */
export interface ImageSource {
  /** For messages: "docker.io/library/alpine:latest", "oci:/tmp/layout". */
  readonly name: string;
  /** Repositories of registries that have the same blobs: pushed to one of those registries, they need not be sent. */
  readonly origins?: readonly { readonly domain: string; readonly repository: string }[];
  /** The manifest or index that the source's reference names, or the one with a digest that an index lists. */
  manifest(digest?: Digest, options?: { readonly signal?: AbortSignal | undefined }): Promise<RawManifest>;
  /** The content from byte `from` on; a source that cannot begin there begins at 0, and says so by `from` of its answer. */
  blob(
    descriptor: Descriptor,
    options?: { readonly from?: number; readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly from: number; readonly content: AsyncIterable<Uint8Array> }>;
  close?(): Promise<void>;
}

/** Bytes that a destination has of a blob whose transfer was cut off. */
export interface PartialBlob {
  readonly size: number;
  /** The bytes again: the digest is that of the whole. */
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * What a destination is given of a blob. Who has read it to its end without an error has what the descriptor says: size and digest are checked on the way, and
 * nothing that was read before counts when it ends with an error. Each iteration begins anew, so a transfer can be tried again.
 */
export interface BlobContent extends AsyncIterable<Uint8Array> {
  /** Goes on behind `part`, at byte `from`, which is 0 when the source cannot do so: then all of it is given again. */
  resume(part: PartialBlob): Promise<{ readonly from: number; readonly content: AsyncIterable<Uint8Array> }>;
}

/** Where images go to. Blobs first, then the manifests, the one with the reference last. */
export interface ImageDestination {
  readonly name: string;
  /** `from`: where the content is from, for a registry that can take it from another repository of its own. */
  hasBlob(
    descriptor: Descriptor,
    options?: { readonly from?: ImageSource | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<boolean>;
  putBlob(
    descriptor: Descriptor,
    content: BlobContent,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
  /** `tagged`: the one that gets the destination's reference. */
  putManifest(
    manifest: RawManifest,
    tagged: boolean,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
  close?(): Promise<void>;
}
