import type { Hierarchy } from "./layout.ts";
import type { CgroupView } from "./view.ts";

/** Which controllers a container needs, and which are welcome. */
export interface Wish {
  readonly needed: readonly string[];
  readonly welcome: readonly string[];
}

/** Where a container's directory in one hierarchy goes: the path, and what must be done above it first. */
export interface Place {
  readonly path: string;
  readonly controllers: readonly string[];
  readonly steps: readonly PlaceStep[];
}

export type PlaceStep =
  | { readonly do: "mkdir"; readonly path: string }
  | { readonly do: "write"; readonly file: string; readonly value: string };

/** Why a directory is no place for a container. */
export interface Obstacle {
  readonly why: string;
  readonly hint: string;
}

export const isObstacle = (found: Place | Obstacle): found is Obstacle => "why" in found;

export const NO_RIGHT: Omit<Obstacle, "why"> = {
  hint: 'run as root, or let the system delegate a cgroup with that controller to this user (cgroups(7), "Delegation")',
};

/** Directories in which a container's may be made, the nearest to the caller's own first. */
export function candidates({ mountPoint, own = "" }: Hierarchy): readonly string[] {
  const parts = own.split("/").filter((part) => part !== "");
  return [...parts.keys(), parts.length].map((count) =>
    [mountPoint, ...parts.slice(0, parts.length - count)].join("/"),
  );
}

/** The parent of a path that is given, and its directories from the top of the hierarchy on that are not there yet. */
export function parentsOf(path: string, view: CgroupView): { readonly known: string; readonly missing: string[] } {
  let known = path.slice(0, path.lastIndexOf("/"));
  const missing: string[] = [];
  while (!view.exists(`${known}/cgroup.procs`) && known.includes("/", 1)) {
    missing.unshift(known);
    known = known.slice(0, known.lastIndexOf("/"));
  }
  return { known, missing };
}
