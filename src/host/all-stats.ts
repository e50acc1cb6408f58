import { setImmediate } from "node:timers/promises";
import type { Cgroup } from "../cgroup/index.ts";
import { LibctError } from "../errors.ts";
import type { RecordStore } from "../records/index.ts";
import type { Container } from "./container.ts";

/** The cgroups of all containers that run, by name: of those made here from memory, of the others from their records. */
export function cgroupsOfAll(own: readonly Container[], store: RecordStore): ReadonlyMap<string, Cgroup> {
  const found = new Map<string, Cgroup>();
  for (const container of own) if (container.process && container.cgroup) found.set(container.name, container.cgroup);
  const others = store.names().filter((name) => !found.has(name));
  for (const name of others) {
    const cgroup = unlessGone(() => store.readSpec(name).cgroup);
    if (cgroup) found.set(name, cgroup);
  }
  return found;
}

/** How long the event loop may stand still, in milliseconds. */
const SLICE_MS = 10;

/** Reads the cgroups one after the other; the containers that have ended are left out. */
export async function readAll<T>(
  cgroups: ReadonlyMap<string, Cgroup>,
  read: (cgroup: Cgroup) => T,
): Promise<ReadonlyMap<string, T>> {
  const all = new Map<string, T>();
  let begun = performance.now();
  for (const [name, cgroup] of cgroups) {
    const value = unlessGone(() => read(cgroup));
    if (value !== undefined) all.set(name, value);
    if (performance.now() - begun < SLICE_MS) continue;
    await setImmediate();
    begun = performance.now();
  }
  return all;
}

/** Of one that goes away meanwhile, or whose record nobody can read, there is nothing to tell; `list` says which those are. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof LibctError && (error.code === "ERR_CT_STATE" || error.code === "ERR_CT_NO_SUCH_CONTAINER"))
      return undefined;
    throw error;
  }
}
