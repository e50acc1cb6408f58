import type { Hierarchy } from "./layout.ts";
import { candidates, NO_RIGHT, type Obstacle, type Place, type PlaceStep, parentsOf } from "./place.ts";
import type { CgroupView } from "./view.ts";

/** Version 1: any directory will do that may be written to. */
export function placeV1(
  hierarchy: Hierarchy,
  name: string,
  absolute: string | undefined,
  view: CgroupView,
): Place | Obstacle {
  const parent = absolute === undefined ? candidates(hierarchy).find((one) => view.writable(one)) : undefined;
  const path = absolute === undefined ? parent && `${parent}/${name}` : `${hierarchy.mountPoint}${absolute}`;
  if (path === undefined) {
    return { why: `no directory of ${hierarchy.mountPoint} may be written to`, ...NO_RIGHT };
  }
  const { known, missing } = parentsOf(path, view);
  if (!view.writable(known)) return { why: `${known} may not be written to`, ...NO_RIGHT };
  const made = [...missing, path];
  const steps = made.flatMap((directory): PlaceStep[] => [
    { do: "mkdir", path: directory },
    ...(hierarchy.controllers.includes("cpuset") ? inheritCpuset(known, directory, view) : []),
  ]);
  return { path, controllers: hierarchy.controllers, steps };
}

/** A new directory has no processors and no memory nodes, and nothing can enter it before it has some (cpusets.rst of the kernel). */
function inheritCpuset(parent: string, directory: string, view: CgroupView): PlaceStep[] {
  return ["cpuset.cpus", "cpuset.mems"].flatMap((file): PlaceStep[] => {
    const value = view.read(`${parent}/${file}`)?.trim();
    return value ? [{ do: "write", file: `${directory}/${file}`, value }] : [];
  });
}
