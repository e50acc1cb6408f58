export type { CgroupDirectory } from "./cgroup.ts";
export { DEFAULT_PATH } from "./command.ts";
export { compileContainer } from "./compile.ts";
export { NOTICE, QUESTION } from "./context.ts";
export { RECORD_FILE, type RecordPlan } from "./record.ts";
export type { IdMaps, Resolved, ResolvedMount, Stdio, Stream } from "./resolved.ts";
export { compileSeccomp } from "./seccomp.ts";
export { defaultSeccomp } from "./seccomp-default.ts";
export { compileDefaultSeccomp } from "./seccomp-prebuilt.ts";
