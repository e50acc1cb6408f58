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
}

export const layerPath = ({ directory }: Store, diffId: Digest): string =>
  `${directory}/${ROOMS.LAYERS}/${fileNameOf(diffId)}`;

/** The files of a layer, in overlay's form. */
export const layerTree = (store: Store, diffId: Digest): string => `${layerPath(store, diffId)}/diff`;

export const hasLayer = (store: Store, diffId: Digest): boolean => existsSync(layerPath(store, diffId));

/** Bytes of its files; 0 when it is not unpacked. */
export function layerSize(store: Store, diffId: Digest): number {
  const bytes = readIfThere(`${layerPath(store, diffId)}/layer.json`);
  return bytes ? (JSON.parse(bytes.toString("utf8")) as UnpackedLayer).size : 0;
}

/** Layers that are here, with the bytes of their files. */
export const listLayers = (store: Store): readonly { readonly directory: string; readonly size: number }[] =>
  entries(`${store.directory}/${ROOMS.LAYERS}`).map((name) => {
    const directory = `${store.directory}/${ROOMS.LAYERS}/${name}`;
    const bytes = readIfThere(`${directory}/layer.json`);
    return { directory, size: bytes ? (JSON.parse(bytes.toString("utf8")) as UnpackedLayer).size : 0 };
  });
