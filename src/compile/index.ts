export { compileDeviceProgram } from "./cgroup-devices.ts";
export { DEFAULT_PATH } from "./command.ts";
export { compileContainer } from "./compile.ts";
export { NOTICE, QUESTION, REPORT } from "./context.ts";
export type { IdMaps, Resolved, ResolvedMount, Stdio } from "./resolved.ts";
export { compileSeccomp } from "./seccomp.ts";
export { defaultSeccomp } from "./seccomp-default.ts";
export { compileDefaultSeccomp } from "./seccomp-prebuilt.ts";
