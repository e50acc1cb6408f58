export type { CgroupDirectory } from "./cgroup.ts";
export { DEFAULT_PATH } from "./command.ts";
export { compileContainer } from "./compile.ts";
export { NOTICE, QUESTION } from "./context.ts";
export { compileEnter } from "./enter.ts";
export type { IdMaps, Resolved, ResolvedEntry, ResolvedMount, ResolvedProcess, Stdio } from "./resolved.ts";
export { compileSeccomp } from "./seccomp.ts";
export { defaultSeccomp } from "./seccomp-default.ts";
export { compileDefaultSeccomp } from "./seccomp-prebuilt.ts";
