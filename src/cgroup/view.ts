import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { type CgroupLayout, parseLayout, unifiedMount } from "./layout.ts";

/** The machine as planning sees it: everything that it looks at. */
export interface CgroupView {
  readonly layout: CgroupLayout;
  /** Undefined: not there, or not for this user. */
  read(file: string): string | undefined;
  writable(path: string): boolean;
  exists(path: string): boolean;
}

/** This machine. */
export function readView(): CgroupView {
  const mountinfo = readFileSync("/proc/self/mountinfo", "utf8");
  const cgroup = read("/proc/self/cgroup") ?? "";
  const unified = unifiedMount(mountinfo);
  const controllers = unified === undefined ? "" : (read(`${unified}/cgroup.controllers`) ?? "");
  return { layout: parseLayout({ mountinfo, cgroup, controllers }), read, writable, exists: existsSync };
}

function read(file: string): string | undefined {
  // An error that is thrown and caught takes longer than to look.
  if (!existsSync(file)) return undefined;
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // Not for this user.
  }
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false; // Not there or not ours: it is no place for a container.
  }
}
