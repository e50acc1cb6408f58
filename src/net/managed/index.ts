export { joinBatch, leaveBatch } from "./elements.ts";
export { blockingChains, hasRules, readChains } from "./foreign.ts";
export { lockedBytes, lockers, nameInLocks } from "./held-locks.ts";
export { type HostRoute, parseIpv4Routes, parseIpv6Routes } from "./host-routes.ts";
export { readLinks, readTaken } from "./host-view.ts";
export { BLANK_PLACE, emptyHosts, hostsEntries, leasesWithPlace, PLACE, placeContent } from "./hosts-file.ts";
export {
  asVeth,
  beforeJoining,
  forgetPlace,
  type Joined,
  joinNetworks,
  nothingTried,
  putPlace,
  type Tried,
  undo,
  undoAt,
} from "./join.ts";
export { addressInUse, chooseLease, leaseCount, leasedAddresses, leaseOf } from "./lease.ts";
export { forwarding, makeNetwork, parameterOf, recognizeBridge } from "./make.ts";
export { namesIn } from "./names.ts";
export {
  DEFAULT_NETWORK,
  type Network,
  type NetworkOptions,
  type NetworkSubnet,
  planNetwork,
  type Taken,
} from "./network.ts";
export { type NetworkPlaces, networkPlaces, RUNNING_FILE, undoFile } from "./places.ts";
export { needsNetworks, type PlannedNetworks, planNetworks } from "./plan.ts";
export { MOST_PORTS, type OnePort, publishBatch, singlePorts, withdrawBatch } from "./ports.ts";
export { publishPorts, requireOutside, type WithHostPort, withHostPorts } from "./publish.ts";
export { type PublishedLater, publishedDirectory, publishedLater, publishedUndo } from "./published-later.ts";
export { MOST_RECENT_LEASES, promiseLease } from "./recent-leases.ts";
export { hostResolvConf, resolvConf } from "./resolv-conf.ts";
export { tableBatch } from "./rules.ts";
export { heldLeases, leasesWithUndo, openRunning } from "./running.ts";
export {
  findNetwork as findManagedNetwork,
  forgetNetwork,
  knownNetworks,
  listNetworks,
  makeNetworksDirectory,
  networkNamed,
  networkNames,
  writeNetwork,
} from "./store.ts";
