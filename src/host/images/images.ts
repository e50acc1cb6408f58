import type {
  Collected,
  CopyEvent,
  ImageDestination,
  ImageSource,
  Platform,
  ReceiveEvent,
  RegistryOptions,
  StoredImage,
  TreeChange,
} from "../../image/index.ts";
import type { Changed } from "./changed.ts";
import type { CommitOptions, Committed } from "./commit.ts";
import type { ImagesContext } from "./context.ts";
import type { Copied } from "./copy.ts";
import type { ImageInfo, RemovedImage } from "./describe.ts";
import type { ExportOptions } from "./export.ts";
import type { HistoryStep } from "./history.ts";
import type { MountedImage } from "./mount.ts";
import { type Transfer, transfer } from "./transfer.ts";
import type { StoreUsage } from "./usage.ts";

const storing = () => import("../../image/index.ts");
/** What a container over a present image needs. */
const finding = () => import("../../image/present.ts");
const describing = () => import("./describe.ts");

export interface PullOptions {
  /** Which image of an index; "all" for all of them. Default: the one for this machine. */
  readonly platform?: Platform | string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is under way at a time. Default: 4 */
  readonly parallel?: number | undefined;
  /** How registries are talked to. */
  readonly registry?: RegistryOptions | undefined;
}

/** The images of a user: in a store that all his applications share. */
export class Images {
  readonly #context: ImagesContext;

  /** @internal */
  constructor(context: ImagesContext) {
    this.#context = context;
  }

  /** @internal */
  get context(): ImagesContext {
    return this.#context;
  }

  /** Where the store is. */
  get directory(): string {
    return this.#context.store.directory;
  }

  /**
   * Gets an image, and unpacks it. What is here already is not fetched again; what was broken off goes on where it was.
   *
   * @example
   * for await (const event of host.images.pull("alpine")) console.log(event);
   * const image = await host.images.pull("docker.io/library/alpine:3.20");
   */
  pull(image: string | ImageSource, options: PullOptions & { readonly name?: string } = {}) {
    return this.#receiving(async (tell) => {
      const { pullImage } = await import("./pull.ts");
      return await pullImage(this.#context, image, options, tell);
    });
  }

  /**
   * Sends an image to where its name says, or elsewhere: "registry.example/team/app:v2", "oci:DIR:tag", "docker-archive:FILE".
   *
   * @example
   * await host.images.push("localhost:5000/app:v1");
   */
  push(
    name: string,
    options: PullOptions & { readonly to?: string | ImageDestination } = {},
  ): Transfer<CopyEvent, Copied> {
    return transfer(async (tell) => {
      const { pushImage } = await import("./copy.ts");
      return await pushImage(this.#context, name, options.to, options, tell);
    });
  }

  /** Copies an image from anywhere to anywhere, without unpacking it: "alpine", "oci:DIR", "docker-daemon:NAME", ... */
  copy(
    from: string | ImageSource,
    to: string | ImageDestination,
    options: PullOptions = {},
  ): Transfer<CopyEvent, Copied> {
    return transfer(async (tell) => {
      const { copyBetween } = await import("./copy.ts");
      return await copyBetween(this.#context, from, to, options, tell);
    });
  }

  /** Writes images into one archive, which docker, podman and skopeo read as well: a file, or a stream. */
  save(
    names: string | readonly string[],
    to: string | NodeJS.WritableStream,
    options: PullOptions = {},
  ): Transfer<CopyEvent, void> {
    return transfer(async (tell) => {
      const { saveImages } = await import("./archives.ts");
      await saveImages(this.#context, typeof names === "string" ? [names] : names, to, options, tell);
    });
  }

  /** Takes all images of an archive: of `docker save`, `podman save`, `ct image save`, or of an OCI layout. */
  load(path: string, options: PullOptions = {}): Transfer<ReceiveEvent, readonly ImageInfo[]> {
    return transfer(async (tell) => (await import("./archives.ts")).loadImages(this.#context, path, options, tell));
  }

  /** An image of one layer: a tar archive, or a directory with a root. `changes` are instructions of a Dockerfile: CMD ["/bin/sh"] */
  import(
    path: string,
    options: PullOptions & {
      readonly name?: string;
      readonly changes?: readonly string[];
      readonly message?: string;
    } = {},
  ): Transfer<ReceiveEvent, ImageInfo> {
    return transfer(async (tell) => (await import("./import.ts")).importTree(this.#context, path, options, tell));
  }

  /**
   * Unpacks a tar archive, compressed or not, into a directory that is there, as a layer is unpacked: nothing in it reaches outside.
   *
   * @example
   * await host.import({ openvz: 101 }, { unpack: (archive, directory) => host.images.unpack(archive, directory) });
   */
  async unpack(archive: string, directory: string): Promise<void> {
    const { createReadStream } = await import("node:fs");
    const worker = await this.#context.worker();
    await worker.apply(createReadStream(archive, { highWaterMark: 256 * 1024 }), directory);
  }

  /**
   * An image of a container's image and what the container has changed: a container of this Host, or one that others find, by its name.
   *
   * @example
   * await host.images.commit(await host.open("web"), { name: "web:patched", changes: ['CMD ["nginx"]'] });
   */
  async commit(container: Committed, options: CommitOptions = {}): Promise<ImageInfo> {
    return await (await import("./commit.ts")).commitContainer(this.#context, container, options);
  }

  /**
   * What a container over an image has changed; of an image, what its topmost layer does to those below, or what leads from it to another image. Contents are taken
   * for equal when size and time of change are.
   */
  async *diff(what: string | Changed, after?: string): AsyncGenerator<TreeChange> {
    const { differences, differencesBetween } = await import("./diff.ts");
    if (after === undefined) yield* differences(this.#context, what);
    else if (typeof what === "string") yield* differencesBetween(this.#context, what, after);
    else throw new TypeError("images are compared by their names");
  }

  /**
   * Writes the tree of an image, or of a container over one, as one tar archive, as `docker export` does: a file, or a stream.
   *
   * @example
   * await host.images.export("alpine", "alpine.tar");
   */
  async export(
    what: string | Committed,
    to: string | NodeJS.WritableStream,
    options: ExportOptions = {},
  ): Promise<void> {
    await (await import("./export.ts")).exportTree(this.#context, what, to, options);
  }

  /** Shows an image at a path of the machine, read-only, until it is unmounted; the same image is mounted once. Only for root. */
  async mount(name: string): Promise<MountedImage> {
    return await (await import("./mount.ts")).mountImage(this.#context, name);
  }

  /** Takes an image from where it is mounted: its name, its id, or the path. */
  async unmount(what: string): Promise<MountedImage> {
    return await (await import("./mount.ts")).unmountImage(this.#context, what);
  }

  /** Images that are mounted. */
  async mounted(): Promise<readonly MountedImage[]> {
    return (await import("./mount.ts")).mountedImages(this.#context.store);
  }

  #receiving(act: (tell: (event: ReceiveEvent) => void) => Promise<ImageInfo>): Transfer<ReceiveEvent, ImageInfo> {
    return transfer(act);
  }

  /** All images, by their names. */
  async list(): Promise<readonly ImageInfo[]> {
    return (await describing()).describeAll(this.#context.store);
  }

  /** What is known of one. Throws ERR_CT_NO_SUCH_IMAGE. */
  async inspect(name: string): Promise<ImageInfo & Pick<StoredImage, "about">> {
    const { requireImage } = await storing();
    const found = requireImage(this.#context.store, name);
    return { ...(await describing()).describeImage(this.#context.store, found), about: found.image.about };
  }

  /** How it was made, the newest step first. */
  async history(name: string): Promise<readonly HistoryStep[]> {
    const [{ requireImage }, { historyOf }] = [await storing(), await import("./history.ts")];
    return historyOf(this.#context.store, requireImage(this.#context.store, name).image);
  }

  async has(name: string): Promise<boolean> {
    return (await finding()).findImage(this.#context.store, name) !== undefined;
  }

  /** Gives an image a further name. */
  async tag(name: string, further: string): Promise<void> {
    const { adding, nameImage, requireImage } = await storing();
    const { store } = this.#context;
    const { image, named } = requireImage(store, name);
    await adding(store, async () => {
      nameImage(store, further, { target: named?.target ?? image.manifest, image: image.digest });
    });
  }

  /** Takes a name away, and with the last one the image, unless a container uses it. With an id: all of its names. */
  async remove(name: string, options: { readonly force?: boolean } = {}): Promise<RemovedImage> {
    return await (await import("./remove.ts")).removeImage(this.#context, name, options.force ?? false);
  }

  /** Removes what no name and no container leads to; with `all` also images that no container uses. */
  async prune(options: { readonly all?: boolean; readonly signal?: AbortSignal } = {}): Promise<Collected> {
    return await (await import("./remove.ts")).pruneImages(this.#context, options);
  }

  /** What the store takes on the disk. */
  async usage(): Promise<StoreUsage> {
    return await (await import("./usage.ts")).storeUsage(this.#context.store);
  }
}
