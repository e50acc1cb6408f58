import {
  listImages,
  listLayers,
  listPins,
  listVolumes,
  type Store,
  treesDirectory,
  volumeData,
} from "../../image/index.ts";
import { diskUsage } from "./disk-usage.ts";

/** What a kind of things takes on the disk. */
export interface UsageOf {
  readonly count: number;
  /** Bytes */
  readonly size: number;
}

/** What images, containers over them and volumes take on the disk. */
export interface StoreUsage {
  /** `size`: the files of all layers, each counted once, and those of images as plain trees. */
  readonly images: UsageOf;
  /** Layers as they were transferred: kept so that images can be pushed again. */
  readonly blobs: UsageOf;
  /** What containers have changed. */
  readonly containers: UsageOf;
  readonly volumes: UsageOf;
  /** Downloads that were broken off. */
  readonly partial: UsageOf;
}

export async function storeUsage(store: Store): Promise<StoreUsage> {
  const { directory } = store;
  const layers = listLayers(store);
  // A mounted image is counted as an image.
  const pins = listPins(store).filter(({ layer }) => !layer?.user.mounted);
  const volumes = listVolumes(store);
  const sum = async (paths: readonly string[]) =>
    (await Promise.all(paths.map((path) => diskUsage(path)))).reduce((total, { size }) => total + size, 0);
  const trees = await diskUsage(treesDirectory(store));
  return {
    images: { count: listImages(store).length, size: layers.reduce((total, { size }) => total + size, trees.size) },
    blobs: await diskUsage(`${directory}/blobs`),
    containers: { count: pins.length, size: await sum(pins.map((pin) => pin.directory)) },
    volumes: { count: volumes.length, size: await sum(volumes.map(({ name }) => volumeData(store, name))) },
    partial: await diskUsage(`${directory}/partial`),
  };
}
