export { type MountOptions, mountAttributes, parseMountOptions } from "./mount-options.ts";
export type * from "./resources.ts";
export type * from "./seccomp.ts";
export { formatSize, parseDuration, parseSize } from "./size.ts";
export * from "./standard.ts";
export * from "./types.ts";
export { validatePath, validateProcess, validateResources, validateSpec } from "./validate.ts";
export { validateSeccomp } from "./validate-seccomp.ts";
