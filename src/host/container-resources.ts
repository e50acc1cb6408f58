import { type Cgroup, freeze, isFrozen, thaw } from "../cgroup/index.ts";
import { LibctError } from "../errors.ts";
import type { ProcessIdentity } from "../records/index.ts";
import type { ContainerStats } from "./container-stats.ts";

/** A running container, as far as its limits are concerned. */
export interface Limited {
  readonly cgroup: Cgroup | undefined;
}

export async function stats({ cgroup }: Limited, networked: ProcessIdentity | undefined): Promise<ContainerStats> {
  const known = requireCgroup(cgroup);
  const { readContainerStats } = await import("./container-stats.ts");
  return readContainerStats(known, () => networked);
}

export const pause = ({ cgroup }: Limited): Promise<void> => freeze(requireCgroup(cgroup));
export const resume = ({ cgroup }: Limited): Promise<void> => thaw(requireCgroup(cgroup));

/** Who enters the cgroup of a paused container stands still as well, and nobody would see why. */
export function refusePaused(name: string, cgroup: Cgroup | undefined): void {
  if (!cgroup || !isFrozen(cgroup)) return;
  throw new LibctError("ERR_CT_STATE", `container ${name} is paused`, {
    hint: `let it go on first: ct resume ${name}`,
  });
}

export function requireCgroup(cgroup: Cgroup | undefined): Cgroup {
  if (cgroup) return cgroup;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", "the container has no cgroup of its own", {
    member: "resources",
    hint: "make it with `resources: {}`, as root or where cgroups are delegated to this user (see `ct doctor`)",
  });
}
