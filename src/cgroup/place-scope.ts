import type { CgroupScope } from "./handle.ts";
import type { Hierarchy } from "./layout.ts";
import type { Obstacle, Place, PlaceStep, Wish } from "./place.ts";

/** Where systemd will make a container's cgroups. */
export interface ScopePlace {
  readonly scope: CgroupScope;
  /** From the top of each hierarchy on. */
  readonly path: string;
  /** Those of version 2 that systemd passes on to it. */
  readonly delegated: readonly string[];
}

/**
 * Version 2 below systemd, which makes the directory itself and passes its own controllers on. It leaves those alone that it has no word for (hugetlb, rdma): the
 * machine's manager lets us pass them on.
 */
export function placeScope(
  { mountPoint }: Hierarchy,
  { path, delegated, scope }: ScopePlace,
  { needed }: Wish,
): Place | Obstacle {
  const extra = needed.filter((name) => !delegated.includes(name));
  const [missing] = extra;
  if (missing !== undefined && scope.manager === "user") {
    return {
      why: `the user's manager of systemd has no ${missing} controller`,
      hint: `let the machine's manager pass it on: Delegate=${[...delegated, missing].join(" ")} in a drop-in of user@.service`,
    };
  }
  const directory = `${mountPoint}${path}`;
  const steps = extra.length === 0 ? [] : parentsOf(mountPoint, path).map((parent) => passOn(parent, extra));
  return { path: directory, controllers: [...delegated, ...extra], steps };
}

/** Every directory above, from the top on. */
function parentsOf(top: string, path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((_, index) => [top, ...parts.slice(0, index)].join("/"));
}

const passOn = (parent: string, controllers: readonly string[]): PlaceStep => ({
  do: "write",
  file: `${parent}/cgroup.subtree_control`,
  value: controllers.map((name) => `+${name}`).join(" "),
});
