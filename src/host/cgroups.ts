import { accessSync, constants, readFileSync } from "node:fs";
import type { CgroupDirectory } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import type { Resources } from "../spec/index.ts";

type Controller = "memory" | "pids";
interface Setting {
  readonly controller: Controller;
  readonly v1: string;
  readonly v2: string;
  readonly value: string;
  readonly member: string;
}

let made = 0;

/** Where the container's cgroups can be made, and what is written there: beside or below the caller's own, by what the machine has. */
export function resolveCgroups(resources: Resources | undefined): readonly CgroupDirectory[] {
  const settings = settingsOf(resources ?? {});
  if (settings.length === 0) return [];
  made += 1;
  const name = `libct-${process.pid}-${made}`;
  const places = new Map<string, { file: string; value: string; member: string }[]>();
  for (const setting of settings) {
    const place = findParent(setting);
    const files = places.get(place.parent) ?? [];
    files.push({ file: place.unified ? setting.v2 : setting.v1, value: setting.value, member: setting.member });
    places.set(place.parent, files);
  }
  return [...places].map(([parent, files]) => ({ path: `${parent}/${name}`, settings: files }));
}

/** Whether limits can be set by cgroups here at all. */
export function hasCgroups(resources: Resources): boolean {
  return settingsOf(resources).every((setting) => candidates(setting.controller).length > 0);
}

function settingsOf(resources: Resources): Setting[] {
  const settings: Setting[] = [];
  if (resources.memory?.limit !== undefined) {
    const value = String(resources.memory.limit);
    settings.push({
      controller: "memory",
      v1: "memory.limit_in_bytes",
      v2: "memory.max",
      value,
      member: "resources.memory.limit",
    });
  }
  if (resources.pids?.limit !== undefined) {
    const value = String(resources.pids.limit);
    settings.push({ controller: "pids", v1: "pids.max", v2: "pids.max", value, member: "resources.pids.limit" });
  }
  return settings;
}

function findParent(setting: Setting): { readonly parent: string; readonly unified: boolean } {
  const [place] = candidates(setting.controller);
  if (place) return place;
  throw new LibctError("ERR_CT_NOT_PERMITTED", `no cgroup with the ${setting.controller} controller can be made here`, {
    member: setting.member,
    hint: 'run as root, or let the system delegate a cgroup with that controller to this user (cgroups(7), "Delegation")',
  });
}

/** The caller's own cgroup and its parents, nearest first, as far as children with the controller can be made in them. */
function candidates(controller: Controller): { readonly parent: string; readonly unified: boolean }[] {
  for (const line of readFileSync("/proc/self/cgroup", "utf8").trim().split("\n")) {
    const [, names = "", path = "/"] = line.split(":");
    const unified = names === "";
    if (!unified && !names.split(",").includes(controller)) continue;
    const mount = unified ? "/sys/fs/cgroup" : `/sys/fs/cgroup/${names}`;
    const found = ancestors(path)
      .map((ancestor) => `${mount}${ancestor}`)
      .filter((parent) => writable(parent) && (!unified || delegates(parent, controller)));
    if (found.length > 0) return found.map((parent) => ({ parent, unified }));
  }
  return [];
}

function ancestors(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((_, index) => `/${parts.slice(0, parts.length - index).join("/")}`).concat("");
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false; // Not there or not ours: the next ancestor.
  }
}

function delegates(parent: string, controller: Controller): boolean {
  try {
    return readFileSync(`${parent}/cgroup.subtree_control`, "utf8").split(/\s+/).includes(controller);
  } catch {
    return false; // Not a cgroup of version 2.
  }
}
