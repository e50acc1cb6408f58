export * from "./cni/index.ts";
export { decodeKept, encodeKept, type FoundKept, identityOf, ownNetwork } from "./kept-nic.ts";
export { planAttachment, removal, type UndoableStep } from "./live-attach.ts";
export { type BandwidthLimits, readLimits } from "./live-bandwidth.ts";
export { type NicChange, planChange } from "./live-change.ts";
export { describeNics, linkNamed, type NicState } from "./live-state.ts";
export * from "./managed/index.ts";
export { moveDevice, planNetDevices } from "./net-devices.ts";
export { type NetworkPaths, type NetworkState, readNetworkState } from "./network-state.ts";
export { peersIn } from "./peers.ts";
export { noOrphan, planNics, requirePrivileges } from "./plan.ts";
export { indexOf, namespaceOf, request } from "./request.ts";
export { holderConnection, userModeKind } from "./user-mode/holder.ts";
export { publishesByNic, withOwnPorts } from "./user-mode/ports.ts";
export { MOST_INTERFACES, portsInterface, publishByPasta } from "./user-mode/publish.ts";
export { withUserModeResolver } from "./user-mode/resolver.ts";
export {
  lookAtNetwork,
  type NetworkInterface,
  type NetworkNeighbour,
  type NetworkRoute,
  type NetworkView,
} from "./view.ts";
