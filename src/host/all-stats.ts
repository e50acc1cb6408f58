import { setImmediate } from "node:timers/promises";
import type { Cgroup } from "../cgroup/index.ts";
import { LibctError } from "../errors.ts";
import { identify, type ProcessIdentity, type RecordStore } from "../records/index.ts";
import type { ContainerSpec } from "../spec/index.ts";
import type { Container } from "./container.ts";
import { namespacesOf } from "./running-container.ts";

/** A container that runs, as far as what it uses is concerned. */
export interface Measured {
  readonly cgroup: Cgroup;
  /** Its first process, if it has a network of its own. */
  readonly networked: () => ProcessIdentity | undefined;
}

/** All containers that run, by name: those made here from memory, the others from their records. */
export function measuredOfAll(own: readonly Container[], store: RecordStore): ReadonlyMap<string, Measured> {
  const found = new Map<string, Measured>();
  for (const { name, process, cgroup, spec } of own) {
    if (process && cgroup) found.set(name, { cgroup, networked: () => ownNetwork(spec, () => identify(process.pid)) });
  }
  const others = store.names().filter((name) => !found.has(name));
  for (const name of others) {
    const record = unlessGone(() => store.readSpec(name));
    if (!record?.cgroup) continue;
    const networked = () => ownNetwork(record.spec, () => unlessGone(() => store.read(name).state?.init));
    found.set(name, { cgroup: record.cgroup, networked });
  }
  return found;
}

const ownNetwork = (spec: ContainerSpec, init: () => ProcessIdentity | undefined) =>
  namespacesOf(spec).has("network") ? init() : undefined;

/** How long the event loop may stand still, in milliseconds. */
const SLICE_MS = 10;

/** Reads one after the other; the containers that have ended are left out. */
export async function readAll<T>(
  containers: ReadonlyMap<string, Measured>,
  read: (container: Measured) => T,
): Promise<ReadonlyMap<string, T>> {
  const all = new Map<string, T>();
  let begun = performance.now();
  for (const [name, container] of containers) {
    const value = unlessGone(() => read(container));
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
