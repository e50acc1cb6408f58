import { readdirSync, statSync } from "node:fs";
import type { Cgroup } from "./handle.ts";
import { pidsOf } from "./processes.ts";
import type { CgroupView } from "./view.ts";

/** The names that planning makes up: "libct-", the container's name, eight random digits. */
const OWN_NAME = /^libct-(?:.+-)?[0-9a-f]{8}$/;

/** A container that is just being made has an empty cgroup, too. Milliseconds */
const YOUNGEST = 10_000;

/** Cgroups of libct's making that nobody is in, and that none of the known containers has: those of containers whose monitor and application were both killed. */
export function findOrphans({ layout }: CgroupView, known: readonly Cgroup[]): readonly Cgroup[] {
  const used = new Set(known.flatMap(({ directories }) => directories.map(({ path }) => path)));
  const driver = layout.kind === "none" ? "v1" : layout.kind;
  return layout.hierarchies.flatMap(({ mountPoint, own = "", version, controllers }) =>
    parents(mountPoint, own).flatMap((parent) =>
      namesIn(parent)
        .filter((name) => OWN_NAME.test(name) && !used.has(`${parent}/${name}`))
        .map((name): Cgroup => ({ driver, directories: [{ path: `${parent}/${name}`, version, controllers }] }))
        .filter(isAbandoned),
    ),
  );
}

/** The caller's own cgroup and those above it, where containers' are made. */
function parents(mountPoint: string, own: string): readonly string[] {
  const parts = own.split("/").filter((part) => part !== "");
  return parts.map((_, index) => `${mountPoint}/${parts.slice(0, index + 1).join("/")}`).concat(mountPoint);
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // Not for this user: then none of his containers has a cgroup there.
  }
}

function isAbandoned(cgroup: Cgroup): boolean {
  const [directory] = cgroup.directories;
  const stat = directory && statSync(directory.path, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.ctimeMs > YOUNGEST && pidsOf(cgroup).length === 0;
}
