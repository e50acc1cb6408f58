import { type Dirent, existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { pause, SIG } from "../linux/index.ts";
import { failedWith, fileError, isGone, writeCgroupFile } from "./files.ts";
import { findFreezer, freeze, thaw } from "./freeze.ts";
import type { Cgroup } from "./handle.ts";
import { unifiedOf } from "./handle.ts";

/** The processes in a container's cgroup and those below it, by their ids as this process sees them. Those that it cannot see are left out. */
export function pidsOf(cgroup: Cgroup): readonly number[] {
  const directory = unifiedOf(cgroup) ?? cgroup.directories[0];
  if (!directory) return [];
  const texts = tree(directory.path).map((path) => procsOf(path));
  const pids = texts.flatMap((text) => text.split("\n").filter((line) => line !== ""));
  // 0 is a process of an outer pid namespace (cgroups(7)).
  return [...new Set(pids.map(Number))].filter((pid) => pid !== 0);
}

/** The kernel gives a long list a page at a time, so it is read to its end. */
function procsOf(path: string): string {
  const file = `${path}/cgroup.procs`;
  try {
    return readFileSync(file, "latin1");
  } catch (cause) {
    const error = fileError("read", file, cause);
    if (!isGone(error)) throw error;
    return ""; // Removed since it was found.
  }
}

/** A directory and all below it, the deepest first. */
function tree(path: string): readonly string[] {
  let entries: readonly Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch (cause) {
    if (failedWith(cause, "ENOENT")) return []; // Removed while it was looked for.
    throw fileError("read", path, cause);
  }
  const below = entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => tree(`${path}/${name}`));
  return [...below, path];
}

/**
 * Kills every process of a container with SIGKILL, also those that are being made meanwhile. Resolves when none is left. With cgroup.kill (Linux 5.14) the kernel
 * does it at once; else the container is frozen while its processes are killed, so that none of them can make another.
 */
export async function killAll(cgroup: Cgroup): Promise<void> {
  if (!killAtOnce(cgroup)) await killFrozen(cgroup);
  for (let wait = 1; populated(cgroup); wait = Math.min(wait * 2, 50)) await pause(wait);
}

function killAtOnce(cgroup: Cgroup): boolean {
  const unified = unifiedOf(cgroup);
  const file = `${unified?.path}/cgroup.kill`;
  if (!unified || !existsSync(file)) return false;
  try {
    writeCgroupFile(file, "1");
  } catch (cause) {
    throw fileError("write", file, cause);
  }
  return true;
}

/** The freezer of version 1 keeps killed processes until it thaws; that of version 2 lets them go. Both hold the others. */
async function killFrozen(cgroup: Cgroup): Promise<void> {
  while (populated(cgroup)) {
    try {
      const freezer = findFreezer(cgroup);
      if (freezer) await freeze(cgroup);
      for (const pid of pidsOf(cgroup)) killOne(pid);
      if (freezer) await thaw(cgroup);
      await pause(1);
    } catch (error) {
      if (!isGone(error)) throw error; // Nobody was left, and it was removed.
    }
  }
}

/** Sends a signal to all of a container's processes; SIGKILL also to those that are being made meanwhile. */
export async function signalAll(cgroup: Cgroup, signal: number): Promise<void> {
  if (signal === SIG.KILL) await killAll(cgroup);
  else for (const pid of pidsOf(cgroup)) killOne(pid, signal);
}

function killOne(pid: number, signal: number = SIG.KILL): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!failedWith(error, "ESRCH")) throw error; // Gone already.
  }
}

function populated(cgroup: Cgroup): boolean {
  const directory = unifiedOf(cgroup) ?? cgroup.directories[0];
  return directory !== undefined && existsSync(directory.path) && pidsOf(cgroup).length > 0;
}

/** Removes a container's cgroups and what it has made below them. Nothing may be left in them. */
export function removeCgroup(cgroup: Cgroup): void {
  for (const { path } of cgroup.directories) {
    if (!existsSync(path)) continue;
    for (const directory of tree(path)) {
      try {
        rmdirSync(directory);
      } catch (cause) {
        if (!failedWith(cause, "ENOENT")) throw fileError("write", directory, cause);
      }
    }
  }
}
