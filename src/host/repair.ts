import { existsSync, readFileSync, rmSync } from "node:fs";
import { type Cgroup, findOrphans, killAll, readView, removeCgroup } from "../cgroup/index.ts";
import { RECORD_FILE } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { pause } from "../linux/index.ts";
import { decodeRecord, type FoundRecord, isRunning, type RecordStore } from "../records/index.ts";

/** Something that was left behind, and is gone now. */
export interface Repair {
  readonly what: "cgroup" | "record" | "half-made record" | "network" | "lease" | "interface";
  /** Of an interface of the host that was given back: its name. */
  readonly path: string;
}

/** Removes a container's cgroups, and before that whoever is still in them. */
export async function clearCgroup(cgroup: Cgroup | undefined): Promise<readonly string[]> {
  const left = cgroup?.directories.filter(({ path }) => existsSync(path)) ?? [];
  if (!cgroup || left.length === 0) return [];
  // One that was killed while it was being made may have entered only some of them.
  for (const directory of left) await killAll({ ...cgroup, directories: [directory] });
  if (cgroup.scope) await (await import("./scope.ts")).endScope(cgroup.scope);
  for (const wait of [1, 4, 16, 64, 256, 0]) {
    try {
      removeCgroup(cgroup);
      break;
    } catch (error) {
      // Whoever was killed is not gone at once, and the kernel does not tell when.
      if (!(error instanceof LibctError) || error.errno !== "EBUSY" || wait === 0) throw error;
      await pause(wait);
    }
  }
  return left.map(({ path }) => path);
}

/** As `clearCgroup`. A scope ends with its processes by itself; one of a container that never ran may be somebody else's, who has that name. */
export async function clearOwnCgroup({ state, record: { cgroup } }: FoundRecord): Promise<readonly string[]> {
  return cgroup?.scope && state === undefined ? [] : await clearCgroup(cgroup);
}

/**
 * Removes what containers have left behind whose monitor was killed, and with it whoever would have cleaned up: cgroups, the records of containers that should
 * have gone with their application, and what crashed applications left half-made. The record of a container with lifetime "host" stays: it tells that it ended.
 */
export async function repair(store: RecordStore): Promise<readonly Repair[]> {
  const done: Repair[] = [];
  const containers = store.list().flatMap((one) => ("error" in one ? [] : [one]));
  for (const found of containers.filter(isAbandoned)) {
    for (const path of await clearOwnCgroup(found)) done.push({ what: "cgroup", path });
    if (found.record.spec.lifetime === "host" && !found.record.spec.autoRemove) continue;
    store.remove(found.name);
    done.push({ what: "record", path: found.directory });
  }
  for (const name of store.leftovers().filter((one) => isHalfMade(store.path(one)))) {
    rmSync(store.path(name), { recursive: true, force: true });
    done.push({ what: "half-made record", path: store.path(name) });
  }
  const known = containers.flatMap(({ record }) => (record.cgroup ? [record.cgroup] : []));
  for (const orphan of findOrphans(readView(), known)) {
    for (const path of await clearCgroup(orphan)) done.push({ what: "cgroup", path });
  }
  return done;
}

/** Nobody is left who would clean up: neither its monitor, nor the application that is making it. */
const isAbandoned = ({ running, monitored, state, record }: FoundRecord) =>
  !running && !monitored && (state !== undefined || !isRunning(record.creator));

/** Its maker has died meanwhile, or has never got as far as its record. */
function isHalfMade(directory: string): boolean {
  const file = `${directory}/${RECORD_FILE.SPEC}`;
  if (!existsSync(file)) return true;
  try {
    return !isRunning(decodeRecord(readFileSync(file, "utf8"), file).creator);
  } catch (error) {
    if (error instanceof LibctError) return true;
    throw error;
  }
}
