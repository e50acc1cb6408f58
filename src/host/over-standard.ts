import { type ContainerSpec, standard } from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import { mergeMounts, type RunOptions, splitOptions } from "./run-options.ts";

/** The standard specification with the caller's changes. */
export function overStandard(caller: Caller, options: RunOptions) {
  const given = splitOptions(options);
  const userNamespace = options.userNamespace ?? !caller.privileged;
  const network = options.network ?? "none";
  const base = standard({ userNamespace, network, ttyGroup: hasTtyGroup(caller, options) });
  const spec: ContainerSpec = {
    ...base,
    ...(options.name === undefined ? {} : { hostname: options.name }),
    ...given.spec,
    mounts: mergeMounts(base.mounts ?? [], given.spec.mounts ?? []),
    devices: [...(base.devices ?? []), ...(given.spec.devices ?? [])],
    links: [...(base.links ?? []), ...(given.spec.links ?? [])],
  };
  return { spec, process: { ...base.process, ...given.process } };
}

const TTY = 5;

/** The group of terminals exists only where it is mapped. */
function hasTtyGroup({ privileged, ids }: Caller, { gidMappings, uidMappings }: RunOptions): boolean {
  const maps = gidMappings ?? uidMappings;
  if (typeof maps === "object") {
    return maps.some(({ containerID, size }) => containerID <= TTY && TTY < containerID + size);
  }
  return privileged && ids.gid.some(({ start, count }) => start <= TTY && TTY < start + count);
}
