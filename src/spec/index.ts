export type * from "./cni.ts";
export { DRAWN_DIGITS, digitsOf, drawnName } from "./drawn-name.ts";
export { formatJson, parseJson } from "./exact-json.ts";
export { type Healthcheck, withHealthDefaults } from "./healthcheck.ts";
export type * from "./hooks.ts";
export { isHostName } from "./host-name.ts";
export type * from "./intel-rdt.ts";
export {
  isMountOption,
  type MountOptions,
  mountAttributes,
  mountOptionNames,
  parseMountOptions,
} from "./mount-options.ts";
export * from "./net-host-steps.ts";
export type * from "./net-process.ts";
export { indexOf, namespaceOf, request } from "./net-request.ts";
export * as netlink from "./netlink.ts";
export type * from "./nic-types.ts";
export type * from "./nic-user-mode.ts";
export type * from "./nics.ts";
export { parseNumbers } from "./number-list.ts";
export type * from "./ports.ts";
export type * from "./process-spec.ts";
export { parseRate } from "./rate.ts";
export type * from "./resources.ts";
export type * from "./root-driver.ts";
export type * from "./scheduling.ts";
export { namespaceType } from "./schema.ts";
export {
  either,
  flag,
  id,
  integer,
  isObject,
  list,
  mapOf,
  object,
  oneOf,
  Problem,
  type Schema,
  someText,
  text,
  texts,
  textThat,
  value,
} from "./schema-base.ts";
export { isInterfaceName } from "./schema-nics.ts";
export { parse } from "./schema-parse.ts";
export { ioPriority, memoryPolicyNames, scheduler } from "./schema-scheduling.ts";
export { seccompNames, seccompSchema } from "./schema-seccomp.ts";
export type * from "./seccomp.ts";
export { formatSize, parseDuration, parseSize } from "./size.ts";
export * from "./standard.ts";
export * from "./state.ts";
export * from "./types.ts";
export { validatePath, validateProcess, validateResources, validateSpec } from "./validate.ts";
export { reaches } from "./validate-nics.ts";
export { validateSeccomp } from "./validate-seccomp.ts";
export { namespaceOfSysctl } from "./validate-sysctl.ts";
