export { type Caller, readCaller } from "./caller.ts";
export { type Command, Container, type StartOptions } from "./container.ts";
export type { Check, HostFeatures } from "./doctor.ts";
export { type EnterContext, type EnterOptions, enter, explainEntry } from "./enter.ts";
export { Host, type HostOptions } from "./host.ts";
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
export { planRun } from "./plan-run.ts";
export { type ExitStatus, Process } from "./process.ts";
export { type EndReason, limit, type RunResult } from "./run.ts";
export type { RunOptions, RunPlan } from "./run-options.ts";
export type { RunningContainer } from "./running-container.ts";
export type { SandboxOptions } from "./sandbox-options.ts";
export type { OutputStream } from "./streams.ts";
