export { ioWeightOf } from "./block-io.ts";
export { weightOf } from "./cpu.ts";
export { deviceProgram } from "./device-program.ts";
export { type CgroupEvent, type EventsBaseline, events, eventsBaseline } from "./events.ts";
export { readCgroupFile } from "./files.ts";
export { freeze, isFrozen, letDie, thaw } from "./freeze.ts";
export { type Cgroup, type CgroupDirectory, type CgroupScope, directoryOf } from "./handle.ts";
export { type DescriptorBudget, KeptFiles } from "./kept-files.ts";
export { type CgroupLayout, type Hierarchy, type LayoutKind, parseLayout } from "./layout.ts";
export { swapAlone } from "./memory.ts";
export { findOrphans } from "./orphans.ts";
export type { ScopePlace } from "./place-scope.ts";
export {
  type CgroupPlan,
  type CgroupRequest,
  type CgroupStep,
  canLimit,
  type DevicePlan,
  planCgroup,
  type ScopePlan,
} from "./plan.ts";
export { killAll, pidsOf, removeCgroup, signalAll } from "./processes.ts";
export { readStats } from "./read-stats.ts";
export { bytesOf } from "./setting.ts";
export type * from "./stats.ts";
export type { VersionOf } from "./translate.ts";
export {
  type AttachDevices,
  completed,
  planUpdate,
  putBack,
  snapshot,
  type Undo,
  type UpdateWrite,
  update,
  versionOf,
} from "./update.ts";
export { type CgroupUsage, readUsage } from "./usage.ts";
export { type CgroupView, readView } from "./view.ts";
