import { type Hierarchy, words } from "./layout.ts";
import {
  candidates,
  isObstacle,
  NO_RIGHT,
  type Obstacle,
  type Place,
  type PlaceStep,
  parentsOf,
  type Wish,
} from "./place.ts";
import type { CgroupView } from "./view.ts";

/**
 * Version 2: the parent must pass the controllers on to its children, or be made to. A cgroup with processes of its own cannot (cgroups(7), "no internal
 * processes"), but for the top of all; so a container's is made beside its caller's, or further up.
 */
export function placeV2(
  hierarchy: Hierarchy,
  name: string,
  absolute: string | undefined,
  wish: Wish,
  view: CgroupView,
): Place | Obstacle {
  if (absolute !== undefined) return under(`${hierarchy.mountPoint}${absolute}`, wish, view, hierarchy.mountPoint);
  const tried = candidates(hierarchy).map((parent) => under(`${parent}/${name}`, wish, view));
  const possible = tried.filter((one): one is Place => !isObstacle(one));
  // The nearest that counts what is worth most; the caller's own cgroup has processes and could pass nothing on.
  const best = possible.toSorted((a, b) => worth(b) - worth(a))[0];
  if (best) return best;
  // What is nearest to success says most: a place that may be written to, and lacks something else.
  const nearest = tried.find((one) => isObstacle(one) && one.hint !== NO_RIGHT.hint) ?? tried[0];
  return nearest ?? { why: `there is no cgroup at ${hierarchy.mountPoint}`, ...NO_RIGHT };
}

const worth = (place: Place) => ["memory", "pids"].filter((name) => place.controllers.includes(name)).length;

/** Below a parent that is there; with `top`, all parents from there on must pass the controllers on. */
function under(path: string, wish: Wish, view: CgroupView, top?: string): Place | Obstacle {
  const { known, missing } = parentsOf(path, view);
  if (!view.writable(known) || !view.writable(`${known}/cgroup.procs`)) {
    return { why: `${known} may not be written to`, ...NO_RIGHT };
  }
  let available: readonly string[] | undefined;
  const steps: PlaceStep[] = [];
  for (const parent of top === undefined ? [known] : chain(top, known)) {
    const found = passOn(parent, wish, view, available);
    if ("why" in found) return found;
    steps.push(...found.steps);
    available = found.enabled;
  }
  const controllers = available ?? [];
  const made = missing.flatMap((directory): PlaceStep[] => [
    { do: "mkdir", path: directory },
    ...enabling(directory, controllers),
  ]);
  return { path, controllers, steps: [...steps, ...made, { do: "mkdir", path }] };
}

const enabling = (directory: string, controllers: readonly string[]): PlaceStep[] =>
  controllers.length === 0
    ? []
    : [{ do: "write", file: `${directory}/cgroup.subtree_control`, value: plus(controllers) }];

const plus = (controllers: readonly string[]) => controllers.map((name) => `+${name}`).join(" ");

/** What must be written so that the children of `parent` have the controllers, and which they have then. */
function passOn(
  parent: string,
  { needed, welcome }: Wish,
  view: CgroupView,
  from: readonly string[] | undefined,
): { readonly steps: readonly PlaceStep[]; readonly enabled: readonly string[] } | Obstacle {
  const type = view.read(`${parent}/cgroup.type`)?.trim();
  if (type !== undefined && type !== "domain") return threaded(parent, type);
  // What its own parent is about to pass on is there too.
  const offered = new Set([...words(view.read(`${parent}/cgroup.controllers`) ?? ""), ...(from ?? [])]);
  const missing = needed.find((name) => !offered.has(name));
  if (missing !== undefined) return notOffered(parent, missing);
  const enabled = words(view.read(`${parent}/cgroup.subtree_control`) ?? "");
  const lacking = needed.filter((name) => !enabled.includes(name));
  const file = `${parent}/cgroup.subtree_control`;
  // Only the top of all has no cgroup.type, and only it may have processes beside children with controllers.
  const busy = type !== undefined && view.read(`${parent}/cgroup.procs`)?.trim() !== "";
  const able = !busy && view.writable(file);
  if (lacking.length > 0 && !able)
    return busy ? occupied(parent, lacking) : { why: `${file} may not be written to`, ...NO_RIGHT };
  const added = able ? welcome.filter((name) => offered.has(name) && !enabled.includes(name)) : [];
  const all = [...new Set([...lacking, ...added])];
  return { steps: enabling(parent, all), enabled: [...enabled, ...all] };
}

/** Every directory from `top` to `bottom`. */
function chain(top: string, bottom: string): readonly string[] {
  const parts = bottom
    .slice(top.length)
    .split("/")
    .filter((part) => part !== "");
  return [top, ...parts.map((_, index) => [top, ...parts.slice(0, index + 1)].join("/"))];
}

const occupied = (parent: string, controllers: readonly string[]): Obstacle => ({
  why: `${parent} has processes, so nothing can write "${plus(controllers)}" to its cgroup.subtree_control`,
  hint: "start the application in a cgroup below that one (systemd: DelegateSubgroup=), or say another place with cgroupsPath",
});

const threaded = (parent: string, type: string): Obstacle => ({
  why: `${parent}/cgroup.type says "${type}", and a threaded cgroup has no place for a container`,
  hint: "say another place with cgroupsPath",
});

const notOffered = (parent: string, controller: string): Obstacle => ({
  why: `${parent}/cgroup.controllers does not list ${controller}`,
  hint: `the cgroups above must pass it on: write "+${controller}" to their cgroup.subtree_control (systemd: Delegate=${controller})`,
});
