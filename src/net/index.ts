export * from "./cni/index.ts";
export * from "./managed/index.ts";
export { moveDevice, planNetDevices } from "./net-devices.ts";
export { noOrphan, planNics, requirePrivileges } from "./plan.ts";
export { indexOf, namespaceOf, request } from "./request.ts";
export { holderConnection, userModeKind } from "./user-mode/holder.ts";
export { publishByPasta } from "./user-mode/publish.ts";
export { withUserModeResolver } from "./user-mode/resolver.ts";
