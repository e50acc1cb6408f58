import type { Cgroup } from "../cgroup/index.ts";
import type { LibctError } from "../errors.ts";
import {
  type FoundRecord,
  type HealthReport,
  type RecordStore,
  type Status,
  type StatusReport,
  statusOf,
  UNCHECKED,
} from "../records/index.ts";
import type { ContainerNetworks, ContainerSpec, ProcessSpec } from "../spec/index.ts";
import { type ExitStatus, exitStatus, tellsOfOomKill } from "./exit-status.ts";
import { withLater } from "./later-networks.ts";

/** All that is known of a container. */
export interface ContainerInfo {
  readonly name: string;
  readonly status: Status;
  /** Of the first process, as the host sees it, while it runs. */
  readonly pid: number | undefined;
  /** The monitor waits to start it again. */
  readonly restarting: boolean;
  /** How often it has been started again. */
  readonly restarts: number;
  /** It ended, and how is not known: its monitor was killed, or the machine restarted. */
  readonly lost: boolean;
  readonly created: Date;
  readonly started: Date | undefined;
  /** How the last run ended. */
  readonly exit: ExitStatus | undefined;
  /** By its checks, if it has some and they were not those of a former run. */
  readonly health: HealthReport | undefined;
  /** The command's words. */
  readonly args: readonly string[];
  readonly lifetime: "app" | "host" | "orphan";
  readonly spec: ContainerSpec;
  readonly process: ProcessSpec;
  readonly cgroup: Cgroup | undefined;
  /** Its addresses in managed networks, and its published ports. */
  readonly networks: ContainerNetworks | undefined;
  /** Where its record is. */
  readonly directory: string;
}

/** A container, or the error with which its record cannot be read. */
export type ContainerListing = ContainerInfo | { readonly name: string; readonly error: LibctError };

export function describe(found: FoundRecord, report: StatusReport): ContainerInfo {
  const { record, exit, memoryEvents } = found;
  return {
    name: found.name,
    status: report.status,
    pid: report.pid,
    restarting: report.restarting,
    restarts: found.state?.restarts ?? 0,
    lost: report.lost,
    created: new Date(record.created),
    started: report.startedAt === undefined ? undefined : new Date(report.startedAt),
    exit: exit && exitStatus(exit, memoryEvents && tellsOfOomKill(memoryEvents)),
    health: found.health ?? (record.spec.healthcheck && UNCHECKED),
    args: record.process.args,
    lifetime: record.spec.lifetime ?? "app",
    spec: record.spec,
    process: record.process,
    cgroup: record.cgroup,
    networks: report.pid === undefined ? record.networks : withLater(record.networks, found),
    directory: found.directory,
  };
}

export function listContainers(store: RecordStore): readonly ContainerListing[] {
  return store.list().map((found) => {
    if ("error" in found) return { name: found.name, error: found.error };
    return describe(found, statusOf(found));
  });
}
