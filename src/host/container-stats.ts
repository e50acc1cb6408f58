import { type Cgroup, type CgroupStats, type KeptFiles, readStats, type StatsPart } from "../cgroup/index.ts";
import type { ProcessIdentity } from "../records/index.ts";
import { type NetworkStats, readNetworkStats } from "./network-stats.ts";

/** What a container uses and has used. */
export interface ContainerStats extends CgroupStats {
  /** What has gone through its interfaces, by their names in the container; of one that has a network of its own. */
  readonly network?: NetworkStats;
}

export type ContainerStatsPart = StatsPart | "network";

/** From its cgroups, and from its network when that is asked for, or everything is. */
export function readContainerStats(
  cgroup: Cgroup,
  networked: () => ProcessIdentity | undefined,
  parts?: readonly ContainerStatsPart[],
  files?: KeptFiles,
): ContainerStats {
  const ofCgroup = parts?.filter((part): part is StatsPart => part !== "network");
  const stats = readStats(cgroup, ofCgroup, files);
  if (parts && !parts.includes("network")) return stats;
  const init = networked();
  const network = init && readNetworkStats(init);
  return network ? { ...stats, network } : stats;
}
