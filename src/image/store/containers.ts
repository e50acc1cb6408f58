import { mkdirSync, writeFileSync } from "node:fs";
import type { Digest } from "../types.ts";
import { cannotWrite, entries, isAbsent, makeDirectory, readIfThere } from "./files.ts";
import { makeStore } from "./make-store.ts";
import { ROOMS, type Store } from "./place.ts";

/** A container over an image: its own layer, and what says that the image's layers are in use. */
export interface ContainerLayer {
  /** The image's manifest. */
  readonly image: Digest;
  /** The name that the image was found by. */
  readonly name: string;
  readonly layers: readonly Digest[];
  /** Who uses it: as long as one of these is true it stays. */
  readonly user: {
    /** A process with its start time (proc_pid_stat(5)), since process ids are used again. */
    readonly pid: number;
    readonly startTime: number;
    readonly bootId: string;
    /** The record of a container that outlives the process. */
    readonly record?: string | undefined;
    /** Where the image is mounted on the machine, and in which mount namespace. */
    readonly mounted?: { readonly path: string; readonly namespace: string } | undefined;
  };
}

export const PIN_FILE = "container.json";

export const containersDirectory = ({ directory }: Store): string => `${directory}/${ROOMS.CONTAINERS}`;

/** Says that the layers are in use, before anybody looks whether they are here. Gives the container's directory. */
export function pinLayers(store: Store, id: string, layer: ContainerLayer): string {
  const directory = `${containersDirectory(store)}/${id}`;
  makeStore(store);
  try {
    makeOwn(directory, containersDirectory(store));
    // Nothing is lost with it but the container's own, and that is the case too when the machine loses its power: no fsync(2).
    writeFileSync(`${directory}/${PIN_FILE}`, `${JSON.stringify(layer)}\n`, { flag: "wx" });
  } catch (error) {
    throw cannotWrite(directory, error);
  }
  return directory;
}

/** Only the first container finds that there is none above it. */
function makeOwn(directory: string, above: string): void {
  try {
    mkdirSync(directory, { mode: 0o711 });
  } catch (error) {
    if (!isAbsent(error)) throw error;
    makeDirectory(above, 0o711);
    mkdirSync(directory, { mode: 0o711 });
  }
}

export interface PinnedContainer {
  readonly directory: string;
  /** Undefined when its maker was killed before it could say so. */
  readonly layer: ContainerLayer | undefined;
}

export function listPins(store: Store): readonly PinnedContainer[] {
  const base = containersDirectory(store);
  return entries(base).map((id) => ({ directory: `${base}/${id}`, layer: readPin(`${base}/${id}`) }));
}

export function readPin(directory: string): ContainerLayer | undefined {
  const bytes = readIfThere(`${directory}/${PIN_FILE}`);
  try {
    return bytes && (JSON.parse(bytes.toString("utf8")) as ContainerLayer);
  } catch {
    return undefined; // It was being written.
  }
}
