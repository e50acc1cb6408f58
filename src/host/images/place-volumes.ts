import { posix } from "node:path";
import type { Mount } from "../../spec/index.ts";

/**
 * The mounts with an image's volumes among them: each before the first that lies below it, which it would hide, and else at the end, where it hides no more than what
 * it is in. So a file that is mounted into a directory that the image calls a volume is seen, as with docker.
 */
export function placeVolumes(mounts: readonly Mount[], volumes: readonly Mount[]): readonly Mount[] {
  const placed = [...mounts];
  // Of two volumes the one below the other comes after it.
  for (const volume of [...volumes].sort((one, other) => depth(one) - depth(other))) {
    const below = placed.findIndex(({ destination }) => plainPath(destination).startsWith(`${volume.destination}/`));
    placed.splice(below < 0 ? placed.length : below, 0, volume);
  }
  return placed;
}

const plainPath = (path: string): string => posix.normalize(`/${path}`);

const depth = ({ destination }: Mount): number => destination.split("/").length;
