/** Where networks are written down, and where what is running of them is. */
import { existsSync } from "node:fs";
import { changedByOthers } from "../../errors.ts";
import { absolutePath, isOwnDirectory, ownRuntimeDirectory } from "../../linux/index.ts";

export interface NetworkPlaces {
  /** One file for each network; it lasts. */
  readonly networks: string;
  /** One directory for each network that has been in use since the machine was started. */
  readonly running: string;
}

/**
 * For root /var/lib/libct/networks and /run/libct/networks; for others $XDG_DATA_HOME and $XDG_RUNTIME_DIR (XDG Base Directory Specification), or what stands in
 * for them; with a state directory both are below that.
 */
export function networkPlaces(
  uid: number,
  stateDirectory: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): NetworkPlaces {
  if (stateDirectory !== undefined) {
    const state = absolutePath(stateDirectory);
    if (existsSync(state) && !isOwnDirectory(state, uid)) throw changedByOthers(state, uid);
    return { networks: `${state}/networks`, running: `${state}/networks-running` };
  }
  if (uid === 0) return { networks: "/var/lib/libct/networks", running: "/run/libct/networks" };
  const data = env.XDG_DATA_HOME ?? `${env.HOME ?? "/"}/.local/share`;
  const own = ownRuntimeDirectory(env);
  const runtime = own === undefined ? `/tmp/libct-${uid}` : `${own}/libct`;
  return { networks: `${data}/libct/networks`, running: `${runtime}/networks` };
}

/** What the directory of a network that is in use has in it. */
export const RUNNING_FILE = {
  /** Byte N of it is locked by whoever has the N-th address. */
  LEASES: "leases",
  HOSTS: "hosts",
} as const;

/** How to take away what the holder of a lease has published: a transaction of nf_tables. */
export const undoFile = (lease: number): string => `undo-${lease}`;
export const isUndoFile = (name: string): number | undefined => {
  const lease = /^undo-(\d+)$/.exec(name)?.[1];
  return lease === undefined ? undefined : Number(lease);
};
