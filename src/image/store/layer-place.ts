import { existsSync } from "node:fs";
import type { Digest } from "../types.ts";
import { fileNameOf } from "./digest.ts";
import { entries, readIfThere } from "./files.ts";
import { ROOMS, type Store } from "./place.ts";

/** What is known of a layer that was unpacked. */
export interface UnpackedLayer {
  readonly diffId: Digest;
  /** Bytes of its files. */
  readonly size: number;
  /** Directories of it that hide what the layers below have in them. */
  readonly opaque?: readonly string[];
}

export const layerPath = ({ directory }: Store, diffId: Digest): string =>
  `${directory}/${ROOMS.LAYERS}/${fileNameOf(diffId)}`;

/** The files of a layer, in overlay's form. */
export const layerTree = (store: Store, diffId: Digest): string => `${layerPath(store, diffId)}/diff`;

export const hasLayer = (store: Store, diffId: Digest): boolean => existsSync(layerPath(store, diffId));

function readLayer(directory: string): UnpackedLayer | undefined {
  const bytes = readIfThere(`${directory}/layer.json`);
  return bytes && (JSON.parse(bytes.toString("utf8")) as UnpackedLayer);
}

/** Bytes of its files; 0 when it is not unpacked. */
export const layerSize = (store: Store, diffId: Digest): number => readLayer(layerPath(store, diffId))?.size ?? 0;

/** Whether the layer hides what those below it have at a path, or in a directory that leads there. The path is one of the image, without a slash in front. */
export function hidesBelow(store: Store, diffId: Digest, path: string): boolean {
  const opaque = readLayer(layerPath(store, diffId))?.opaque ?? [];
  return opaque.some((one) => one === "." || one === path || path.startsWith(`${one}/`));
}

/** Layers that are here, with the bytes of their files. */
export const listLayers = (store: Store): readonly { readonly directory: string; readonly size: number }[] =>
  entries(`${store.directory}/${ROOMS.LAYERS}`).map((name) => {
    const directory = `${store.directory}/${ROOMS.LAYERS}/${name}`;
    return { directory, size: readLayer(directory)?.size ?? 0 };
  });
