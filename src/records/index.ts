export {
  afterCheck,
  type HealthcheckResult,
  type HealthReport,
  type HealthStatus,
  UNCHECKED,
  untilNextCheck,
} from "./health.ts";
export { HealthFile, HealthMemory, type HealthNotes } from "./health-file.ts";
export { type LogEntry, type LogOptions, readLog } from "./log.ts";
export { bootId, identify, isRunning, ownIdentity, type ProcessIdentity, parseStat } from "./process-identity.ts";
export { onProcess, signalProcess, whenEnded } from "./process-watch.ts";
export { type ContainerRecord, decodeRecord, encodeRecord, type RunningState } from "./record.ts";
export { isHeld, type Status, type StatusReport, startTimeOf, statusOf } from "./status.ts";
export { type FoundRecord, RecordStore, type UnreadableRecord } from "./store.ts";
