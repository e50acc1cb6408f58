import { LibctError } from "../errors.ts";
import type { DeviceRule, Resources } from "../spec/index.ts";
import { deviceProgram } from "./device-program.ts";
import { deviceListOf, deviceWrites } from "./devices.ts";
import type { Cgroup, CgroupDirectory, CgroupScope } from "./handle.ts";
import type { CgroupLayout, Hierarchy } from "./layout.ts";
import { isObstacle, type Obstacle, type Place, type Wish } from "./place.ts";
import { placeScope, type ScopePlace } from "./place-scope.ts";
import { placeV1 } from "./place-v1.ts";
import { placeV2 } from "./place-v2.ts";
import type { Setting } from "./setting.ts";
import { settingsOf, type VersionOf } from "./translate.ts";
import type { CgroupView } from "./view.ts";

export interface CgroupRequest {
  readonly resources?: Resources | undefined;
  readonly cgroupsPath?: string | undefined;
  /** Of the directories, where `cgroupsPath` does not say one. */
  readonly name: string;
  /** Make what can be made, even without limits: so that the container can be paused, killed and counted. */
  readonly wanted?: boolean | undefined;
  /** systemd makes them. */
  readonly scope?: ScopePlace | undefined;
}

/** One step of making a cgroup. */
export type CgroupStep =
  | { readonly do: "mkdir"; readonly path: string; readonly shared: boolean; readonly member: string }
  | {
      readonly do: "write";
      readonly file: string;
      readonly value: string;
      readonly member: string;
      readonly otherwise?: { readonly file: string; readonly value: string };
      readonly optional?: true;
    };

/** Rules for devices, kept by the files of version 1 or by a program of version 2. */
export type DevicePlan =
  | { readonly version: 1; readonly steps: readonly CgroupStep[] }
  | { readonly version: 2; readonly directory: string; readonly program: Uint8Array };

/** What is to be done for a container's cgroups, for a program to do it. */
export interface CgroupPlan {
  readonly handle: Cgroup;
  /** In this order: directories, and what is written before anything enters them. */
  readonly steps: readonly CgroupStep[];
  readonly devices: DevicePlan | undefined;
  /** systemd makes the cgroups, around the first process, and then the steps follow. */
  readonly scope?: ScopePlan;
}

/** What systemd is asked for. */
export interface ScopePlan {
  readonly scope: CgroupScope;
  /** Where it has to come to lie, from the top of the hierarchies on. */
  readonly path: string;
  readonly resources: Resources;
}

/**
 * What is taken where it can be had, so that the container can be counted, stopped and given other limits later. With version 1 that is every hierarchy; with
 * version 2 the parent is made to pass these on.
 */
const WELCOME = ["cpu", "memory", "pids", "io", "cpuset"];

/**
 * Plans the cgroups of a container: where they go, and what is written to them. Undefined: it needs none, or only wished for some where nothing can be made.
 * Throws LibctError ERR_CT_NOT_PERMITTED when a limit cannot be kept here, with what stands in the way.
 */
export function planCgroup(request: CgroupRequest, view: CgroupView): CgroupPlan | undefined {
  const { resources, cgroupsPath } = request;
  if (!resources && cgroupsPath === undefined && !request.wanted && !request.scope) return undefined;
  const { layout } = view;
  const settings = settingsOf(resources ?? {}, versionIn(layout));
  const rules = resources?.devices ?? [];
  const needed = neededBy(settings, rules, layout);
  const places = layout.hierarchies.map((hierarchy) => ({ hierarchy, place: find(hierarchy, request, needed, view) }));
  const made = places.flatMap(({ hierarchy, place }) =>
    place && !isObstacle(place) ? [{ version: hierarchy.version, place }] : [],
  );
  const obstacleOf = (wanted: (hierarchy: Hierarchy) => boolean) =>
    places.flatMap(({ hierarchy, place }) => (place && isObstacle(place) && wanted(hierarchy) ? [place] : []))[0];
  for (const [controller, member] of needed) {
    if (made.some(({ place, version }) => serves(controller, version, place.controllers))) continue;
    const has = (one: Hierarchy) => serves(controller, one.version, one.controllers);
    throw impossible(controller, member, obstacleOf(has), layout);
  }
  if (made.length > 0) {
    const plan = assemble(made, settings, rules, cgroupsPath === undefined ? "resources" : "cgroupsPath", layout);
    return request.scope ? inScope(plan, request.scope, resources ?? {}) : plan;
  }
  if (cgroupsPath !== undefined)
    throw impossible(
      undefined,
      "cgroupsPath",
      obstacleOf(() => true),
      layout,
    );
  return undefined;
}

/** Of version 1 systemd makes the directories of those controllers that it knows, and the others are made beside it. */
const inScope = (plan: CgroupPlan, { scope, path }: ScopePlace, resources: Resources): CgroupPlan => ({
  ...plan,
  steps: plan.steps.map((step) => (step.do === "mkdir" ? { ...step, shared: true } : step)),
  handle: { ...plan.handle, scope },
  scope: { scope, path, resources },
});

/** Whether such limits can be kept here. */
export function canLimit(resources: Resources, view: CgroupView): boolean {
  try {
    return planCgroup({ resources, name: "libct-trial" }, view) !== undefined;
  } catch (error) {
    if (error instanceof LibctError) return false;
    throw error;
  }
}

/** The devices of version 2 are no controller: any directory will do. */
const serves = (controller: string, version: 1 | 2, controllers: readonly string[]) =>
  controllers.includes(controller) || (controller === UNIFIED && version === 2);
const UNIFIED = "unified";

/** Each controller is in one hierarchy only; blkio has become io. */
export const versionIn =
  ({ hierarchies }: CgroupLayout): VersionOf =>
  (controller) => {
    const name = controller === "blkio" ? ["blkio", "io"] : [controller];
    return hierarchies.find(({ controllers, version }) => name.some((one) => serves(one, version, controllers)))
      ?.version;
  };

function neededBy(settings: readonly Setting[], rules: readonly DeviceRule[], layout: CgroupLayout) {
  const needed = new Map<string, string>();
  for (const { controller, member } of settings) if (!needed.has(controller)) needed.set(controller, member);
  if (rules.length > 0) {
    const first = layout.hierarchies.some(({ controllers }) => controllers.includes("devices"));
    needed.set(first || layout.kind === "v1" ? "devices" : UNIFIED, "resources.devices");
  }
  return needed;
}

/** A place in the hierarchy, when there is a reason for one. */
function find(
  hierarchy: Hierarchy,
  { name, cgroupsPath, scope }: CgroupRequest,
  needed: ReadonlyMap<string, string>,
  view: CgroupView,
): Place | Obstacle | undefined {
  const { version, controllers } = hierarchy;
  const wish: Wish = { needed: [...needed.keys()].filter((one) => controllers.includes(one)), welcome: WELCOME };
  if (scope && version === 2) return placeScope(hierarchy, scope, wish);
  if (scope) return controllers.length > 0 ? placeV1(hierarchy, name, scope.path, view) : undefined;
  const absolute = cgroupsPath?.startsWith("/") ? trimmed(cgroupsPath) : undefined;
  const relative = cgroupsPath === undefined ? name : trimmed(cgroupsPath);
  if (version === 2) return placeV2(hierarchy, relative, absolute, wish, view);
  // A named hierarchy has nothing to count or to limit, but who says where the cgroups are to be means all of them, as with runc.
  const wanted = controllers.length > 0 || cgroupsPath !== undefined;
  return wanted ? placeV1(hierarchy, relative, absolute, view) : undefined;
}

/** Without double and trailing slashes. */
const trimmed = (path: string) => path.replace(/\/+/g, "/").replace(/\/$/, "");

interface Made {
  readonly version: 1 | 2;
  readonly place: Place;
}

function assemble(
  made: readonly Made[],
  settings: readonly Setting[],
  rules: readonly DeviceRule[],
  member: string,
  layout: CgroupLayout,
): CgroupPlan {
  const directories = made.map(
    ({ version, place: { path, controllers } }): CgroupDirectory => ({ path, version, controllers }),
  );
  const steps = made.flatMap(({ place }): CgroupStep[] => {
    const above = place.steps.map(
      (step): CgroupStep =>
        step.do === "mkdir" ? { ...step, shared: step.path !== place.path, member } : { ...step, member },
    );
    const own = settings.filter(({ controller }) => place.controllers.includes(controller));
    return [...above, ...own.map((setting) => writeOf(setting, place.path))];
  });
  const driver = layout.kind === "none" ? "v2" : layout.kind;
  return { handle: { driver, directories }, steps, devices: planDevices(rules, directories) };
}

const writeOf = (setting: Setting, directory: string): CgroupStep => ({
  do: "write",
  file: `${directory}/${setting.file}`,
  value: setting.value,
  member: setting.member,
  ...(setting.otherwise ? { otherwise: { ...setting.otherwise, file: `${directory}/${setting.otherwise.file}` } } : {}),
  ...(setting.optional ? { optional: true } : {}),
});

function planDevices(rules: readonly DeviceRule[], directories: readonly CgroupDirectory[]): DevicePlan | undefined {
  if (rules.length === 0) return undefined;
  const first = directories.find(({ controllers }) => controllers.includes("devices"));
  if (!first) {
    const directory = directories.find(({ version }) => version === 2)?.path ?? "";
    return { version: 2, directory, program: deviceProgram(rules) };
  }
  const steps = deviceWrites(deviceListOf(rules)).map(
    ({ file, value }): CgroupStep => ({
      do: "write",
      file: `${first.path}/${file}`,
      value,
      member: "resources.devices",
    }),
  );
  return { version: 1, steps };
}

function impossible(
  controller: string | undefined,
  member: string,
  obstacle: Obstacle | undefined,
  layout: CgroupLayout,
): LibctError {
  const what =
    controller === undefined || controller === UNIFIED ? "no cgroup" : `no cgroup with the ${controller} controller`;
  const nothing = layout.kind === "none" ? "no cgroup filesystem is mounted" : "no hierarchy that is mounted has it";
  return new LibctError("ERR_CT_NOT_PERMITTED", `${what} can be made here: ${obstacle?.why ?? nothing}`, {
    member,
    hint: obstacle?.hint ?? "mount a cgroup filesystem that has it, or leave the limit out",
  });
}
