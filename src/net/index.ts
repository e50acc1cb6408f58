export * from "./cni/index.ts";
export { decodeKept, encodeKept, type FoundKept, ownNetwork } from "./kept-nic.ts";
export { moveDevice, planNetDevices } from "./net-devices.ts";
export { noOrphan, planNics, requirePrivileges } from "./plan.ts";
export { indexOf, namespaceOf, request } from "./request.ts";
export {
  lookAtNetwork,
  type NetworkInterface,
  type NetworkPaths,
  type NetworkRoute,
  type NetworkView,
} from "./view.ts";
