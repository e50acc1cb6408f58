export * from "./cni/index.ts";
export { planAttachment, removal, type UndoableStep } from "./live-attach.ts";
export { type NicChange, planChange } from "./live-change.ts";
export { describeNetwork, linkNamed, type NetworkState, type NicState, readNetwork } from "./live-state.ts";
export { moveDevice, planNetDevices } from "./net-devices.ts";
export { noOrphan, planNics, requirePrivileges } from "./plan.ts";
export { indexOf, namespaceOf, request } from "./request.ts";
export { holderConnection, userModeKind } from "./user-mode/holder.ts";
