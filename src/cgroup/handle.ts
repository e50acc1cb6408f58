/** One cgroup directory of a container: with version 1 one for each hierarchy, with version 2 one in all. */
export interface CgroupDirectory {
  readonly path: string;
  readonly version: 1 | 2;
  /** Those that count and limit here. */
  readonly controllers: readonly string[];
}

/**
 * The cgroups of a container. Plain JSON: it may be stored, and used by another process to read, change, freeze and kill what is in them.
 */
export interface Cgroup {
  readonly driver: "v1" | "hybrid" | "v2";
  readonly directories: readonly CgroupDirectory[];
  /** systemd's own unit for it, when systemd has made it. */
  readonly scope?: CgroupScope;
}

/** A scope of systemd's: who manages it, and its name. */
export interface CgroupScope {
  readonly manager: "system" | "user";
  readonly unit: string;
  /** The slice that it is in, such as "a-b.slice". */
  readonly slice: string;
}

/** The directory that a controller is in. */
export const directoryOf = (cgroup: Cgroup, ...controllers: readonly string[]): CgroupDirectory | undefined =>
  cgroup.directories.find((directory) => controllers.some((name) => directory.controllers.includes(name)));

/** The directory of version 2, which has files of its own besides those of the controllers. */
export const unifiedOf = (cgroup: Cgroup): CgroupDirectory | undefined =>
  cgroup.directories.find(({ version }) => version === 2);
