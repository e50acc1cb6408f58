export type { Cgroup, CgroupEvent, CgroupStats, CgroupUsage } from "../cgroup/index.ts";
export type { ReceiveEvent, TreeChange } from "../image/index.ts";
export type { NicChange, NicState } from "../net/index.ts";
export type { HealthReport } from "../records/index.ts";
export type { Attachment } from "./attach.ts";
export { type Caller, inInitialUserNamespace, readCaller } from "./caller.ts";
export { Container } from "./container.ts";
export type { ContainerEvent } from "./container-events.ts";
export type { ContainerInterface, ContainerNetwork } from "./container-network.ts";
export type { ContainerNics } from "./container-nics.ts";
export type { ContainerStats, ContainerStatsPart as StatsPart } from "./container-stats.ts";
export { endsBy, hasDefaultAction } from "./default-action.ts";
export type { Check, HostFeatures } from "./doctor.ts";
export { type EnterContext, type EnterOptions, enter, explainEntry } from "./enter.ts";
export type { ExitStatus } from "./exit-status.ts";
export type { HealthEvent } from "./health-events.ts";
export { type CreateOptions, Host, type HostOptions } from "./host.ts";
export type { CommitOptions } from "./images/commit.ts";
export type { ImageInfo, RemovedImage } from "./images/describe.ts";
export type { ExportOptions } from "./images/export.ts";
export type { HistoryStep } from "./images/history.ts";
export type { Images, PullOptions } from "./images/images.ts";
export type { MountedImage } from "./images/mount.ts";
export type { Transfer } from "./images/transfer.ts";
export type { StoreUsage } from "./images/usage.ts";
export type { ImageOptions } from "./images/use.ts";
export type { ImportOptions } from "./import.ts";
export type { ImportSource } from "./import-source.ts";
export type { ContainerInfo, ContainerListing } from "./inspect.ts";
export type { LinkEvent } from "./link-events.ts";
export {
  addDevice,
  addMount,
  type LiveContext,
  removeDevice,
  removeMount,
  setNames,
  setRlimits,
  setSysctl,
  type UnmountOptions,
} from "./live.ts";
export type { Meter } from "./meter.ts";
export type { InterfaceStats, NetworkStats, Traffic } from "./network-stats.ts";
export type { NetworkInfo, NetworkListing, NetworkMember, Networks } from "./networks.ts";
export { planImported } from "./plan-imported.ts";
export { type Planner, planRun } from "./plan-run.ts";
export { Process } from "./process.ts";
export type { StopOptions } from "./recorded.ts";
export type { Repair } from "./repair.ts";
export { type EndReason, limit, type RunResult } from "./run.ts";
export type { RunOptions, RunPlan } from "./run-options.ts";
export type { RunningContainer } from "./running-container.ts";
export type { SandboxOptions } from "./sandbox-options.ts";
export type { Command, StartOptions } from "./start-options.ts";
export type { OutputStream } from "./streams.ts";
export type { VolumeInfo, VolumeOptions, Volumes } from "./volumes/volumes.ts";
