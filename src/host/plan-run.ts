import { hostRoot } from "../fs/index.ts";
import { type ContainerSpec, standard } from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import { mergeMounts, type RunOptions, type RunPlan, splitOptions } from "./run-options.ts";

/** The specification of a throw-away container: the standard one, or the sandbox, with the caller's changes. */
export async function planRun(caller: Caller, args: readonly string[], options: RunOptions): Promise<RunPlan> {
  if (options.sandbox) return (await import("./sandbox.ts")).planSandbox(caller, args, options, options.sandbox);
  const given = splitOptions(options);
  const userNamespace = options.userNamespace ?? !caller.privileged;
  const network = options.network ?? "none";
  const base = standard({ userNamespace, network, ttyGroup: hasTtyGroup(caller, options) });
  const spec: ContainerSpec = {
    ...base,
    root: hostRoot(),
    ...(options.name === undefined ? {} : { hostname: options.name }),
    ...given.spec,
    mounts: mergeMounts(base.mounts ?? [], given.spec.mounts ?? []),
    devices: [...(base.devices ?? []), ...(given.spec.devices ?? [])],
    links: [...(base.links ?? []), ...(given.spec.links ?? [])],
  };
  // A variable that is added does not take PATH and HOME away.
  const env = { ...DEFAULT_ENV, ...given.process.env };
  return { spec, process: { ...base.process, ...given.process, env, args } };
}

export const DEFAULT_ENV: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
};

const TTY = 5;

/** The group of terminals exists only where it is mapped. */
function hasTtyGroup({ privileged, ids }: Caller, { gidMappings, uidMappings }: RunOptions): boolean {
  const maps = gidMappings ?? uidMappings;
  if (typeof maps === "object") {
    return maps.some(({ containerID, size }) => containerID <= TTY && TTY < containerID + size);
  }
  return privileged && ids.gid.some(({ start, count }) => start <= TTY && TTY < start + count);
}
