import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { randomHex } from "../../linux/index.ts";
import { cannotWrite, entries, errnoOf, makeDirectory, readIfThere, replaceFile } from "./files.ts";
import type { RemoveTree } from "./layers.ts";
import { makeStore } from "./make-store.ts";
import { ROOMS, type Store } from "./place.ts";

/** A directory with a name, for what containers are to leave behind. */
export interface Volume {
  readonly name: string;
  /** Milliseconds since the epoch */
  readonly created: number;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** As docker has it: no path, and nothing hidden. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

export const isVolumeName = (name: string): boolean => NAME.test(name);

export const volumeDirectory = ({ directory }: Store, name: string): string => {
  if (isVolumeName(name)) return `${directory}/${ROOMS.VOLUMES}/${name}`;
  throw new LibctError("ERR_CT_USAGE", `${JSON.stringify(name.slice(0, 80))} is no name of a volume`, {
    hint: 'up to 255 letters, digits, "_", "." and "-", the first one a letter or a digit',
  });
};

/** Where its files are. */
export const volumeData = (store: Store, name: string): string => `${volumeDirectory(store, name)}/data`;

export function readVolume(store: Store, name: string): Volume | undefined {
  const path = `${volumeDirectory(store, name)}/volume.json`;
  const bytes = readIfThere(path);
  try {
    return bytes && (JSON.parse(bytes.toString("utf8")) as Volume);
  } catch (cause) {
    throw new LibctError("ERR_CT_STORE", `${path} is not JSON`, { path, cause });
  }
}

/** Gives the one that is there, when somebody was quicker. */
export function makeVolume(store: Store, volume: Volume): Volume {
  makeStore(store);
  const path = volumeDirectory(store, volume.name);
  const fresh = `${store.directory}/${ROOMS.VOLUMES}/~new-${randomHex(8)}`;
  makeDirectory(`${store.directory}/${ROOMS.VOLUMES}`);
  try {
    mkdirSync(fresh);
    mkdirSync(`${fresh}/data`, { mode: 0o755 });
    replaceFile(`${fresh}/volume.json`, `${JSON.stringify(volume)}\n`);
    // The directories are never empty, and onto such no other is renamed (rename(2), ENOTEMPTY).
    renameSync(fresh, path);
    return volume;
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    const errno = errnoOf(error);
    const found = errno === "ENOTEMPTY" || errno === "EEXIST" ? readVolume(store, volume.name) : undefined;
    if (found) return found;
    throw cannotWrite(path, error);
  }
}

export const listVolumes = (store: Store): readonly Volume[] =>
  entries(`${store.directory}/${ROOMS.VOLUMES}`).flatMap((name) => readVolume(store, name) ?? []);

export async function removeVolume(store: Store, name: string, remove: RemoveTree): Promise<void> {
  const doomed = `${store.directory}/${ROOMS.VOLUMES}/~gone-${randomHex(8)}`;
  try {
    renameSync(volumeDirectory(store, name), doomed);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw noSuchVolume(name);
    throw cannotWrite(doomed, error);
  }
  await remove(doomed);
}

export const isEmptyVolume = (store: Store, name: string): boolean => readdirSync(volumeData(store, name)).length === 0;

export const noSuchVolume = (name: string): LibctError =>
  new LibctError("ERR_CT_STORE", `there is no volume ${name}`, { hint: "`ct volume ls` lists them" });
