export type { Stdio } from "./compile/index.ts";
export { type ErrorCode, type ErrorDetails, LibctError } from "./errors.ts";
export type { Listing } from "./explain/index.ts";
export type { Imported, Note } from "./flavours/index.ts";
export {
  dir,
  fuseOverlay,
  hostRoot,
  type ImageOptions,
  image,
  type OverlayOptions,
  overlay,
  tmpfsRoot,
} from "./fs/index.ts";
export {
  type Attachment,
  type Cgroup,
  type CgroupEvent,
  type CgroupStats,
  type CgroupUsage,
  type Command,
  type Container,
  type ContainerEvent,
  type ContainerInfo,
  type ContainerListing,
  type ContainerStats,
  type EndReason,
  type EnterOptions,
  type ExitStatus,
  type HealthEvent,
  Host,
  type HostFeatures,
  type HostOptions,
  type ImportOptions,
  type ImportSource,
  type InterfaceStats,
  type Meter,
  type NetworkStats,
  type OutputStream,
  type Process,
  type Repair,
  type RunOptions,
  type RunResult,
  type SandboxOptions,
  type StartOptions,
  type StatsPart,
  type StopOptions,
  type Traffic,
  type UnmountOptions,
} from "./host/index.ts";
export type { KernelFeatures } from "./linux/index.ts";
export type {
  HealthcheckResult,
  HealthReport,
  HealthStatus,
  LogEntry,
  LogOptions,
  Status,
  StatusReport,
} from "./records/index.ts";
export type * from "./spec/index.ts";
export { DEFAULT_CAPABILITIES, type StandardOptions, standard } from "./spec/index.ts";
