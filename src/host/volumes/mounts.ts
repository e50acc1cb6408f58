import { readVolume, type Store } from "../../image/index.ts";
import type { Mount } from "../../spec/index.ts";
import { createVolume } from "./act.ts";
import { volumeDriver } from "./drivers.ts";

/** Mounts of volumes as what the kernel mounts; a volume that is not there is made, as docker does. */
export function resolveVolumes(store: Store, mounts: readonly Mount[]): readonly Mount[] {
  return mounts.map((mount) => (mount.type === "volume" ? resolveVolume(store, mount) : mount));
}

function resolveVolume(store: Store, { source = "", ...mount }: Mount): Mount {
  const volume = readVolume(store, source) ?? createVolume(store, source, {});
  const { options = [], ...what } = volumeDriver(volume.driver).mount(store, volume);
  // "nocopy" is for whoever fills it, and no option of a mount.
  const more = (mount.options ?? []).filter((option) => option !== "nocopy");
  return { ...mount, ...what, options: [...options, ...more] };
}
