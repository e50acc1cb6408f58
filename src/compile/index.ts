export { compileDeviceProgram } from "./cgroup-devices.ts";
export { DEFAULT_PATH } from "./command.ts";
export { compileContainer } from "./compile.ts";
export { NOTICE, QUESTION, REPORT } from "./context.ts";
export { compileEnter } from "./enter.ts";
export type { IntelRdtPlan } from "./intel-rdt.ts";
export { compileChange } from "./live.ts";
export type { LiveChange, ResolvedChange } from "./live-steps.ts";
export { compileHolder, type HolderPlan, type LostNetworks } from "./net-holder.ts";
export { compileNetChange, KEEPER_FILE, type LiveStep, type NetChange } from "./net-live.ts";
export { compileNetSteps } from "./net-program.ts";
export { compileNetUndo, type LeftNic } from "./net-undo.ts";
export { compileVisit, HOLDER_FILE, type HolderPlace } from "./net-visit.ts";
export { compileNetWatch } from "./net-watch.ts";
export { isInside, type NicPlans, needsMonitor } from "./nics.ts";
export type { RecordPlan } from "./record.ts";
export { HEALTH_FILE, HOOKS_DONE, RECORD_FILE } from "./record-files.ts";
export type {
  IdMaps,
  Resolved,
  ResolvedEntry,
  ResolvedMount,
  ResolvedProcess,
  ScopeEntry,
  Stdio,
  Stream,
} from "./resolved.ts";
export { compileReturn } from "./return-nics.ts";
export { compileSeccomp } from "./seccomp.ts";
export { defaultSeccomp } from "./seccomp-default.ts";
export type { SeccompListener } from "./seccomp-notify.ts";
export { compileDefaultSeccomp } from "./seccomp-prebuilt.ts";
