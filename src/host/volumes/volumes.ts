import type { Volume } from "../../image/index.ts";
import type { ImagesContext } from "../images/context.ts";

const storing = () => import("../../image/index.ts");

export interface VolumeOptions {
  /** "local" (default): a directory of the store, or what `type`, `device` and `o` of its options say; "tmpfs": memory. */
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface VolumeInfo extends Volume {
  /** Where its files are; undefined when they are not on this machine's disk. */
  readonly path: string | undefined;
}

/** Directories with names that stay when containers go: `mounts: [{ type: "volume", source: "data", destination: "/data" }]`. */
export class Volumes {
  readonly #context: ImagesContext;

  /** @internal */
  constructor(context: ImagesContext) {
    this.#context = context;
  }

  /** Makes one; with a name that there is already, of the same kind, gives that. */
  async create(name: string, options: VolumeOptions = {}): Promise<VolumeInfo> {
    return (await import("./act.ts")).createVolume(this.#context.store, name, options);
  }

  async list(): Promise<readonly VolumeInfo[]> {
    const [{ listVolumes }, { describe }] = [await storing(), await import("./act.ts")];
    const { store } = this.#context;
    return listVolumes(store).map((volume) => describe(store, volume));
  }

  /** Throws ERR_CT_STORE when there is none of that name. */
  async inspect(name: string): Promise<VolumeInfo> {
    const [{ noSuchVolume, readVolume }, { describe }] = [await storing(), await import("./act.ts")];
    const volume = readVolume(this.#context.store, name);
    if (!volume) throw noSuchVolume(name);
    return describe(this.#context.store, volume);
  }

  /** Throws ERR_CT_STATE when a container uses it. */
  async remove(name: string): Promise<void> {
    await (await import("./act.ts")).removeUnused(this.#context, name);
  }

  /** Removes those that no container uses, and gives their names. */
  async prune(): Promise<readonly string[]> {
    return await (await import("./act.ts")).pruneVolumes(this.#context);
  }
}
