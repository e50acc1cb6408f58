import { LibctError } from "../errors.ts";
import { addressInUse, networkPlaces, nothingTried, type PlannedNetworks, type Tried } from "../net/index.ts";
import type { ContainerSpec, PublishedPort } from "../spec/index.ts";
import type { ContainerHost } from "./container-host.ts";
import { keptLeases } from "./kept-leases.ts";
import { sweepNetwork } from "./sweep-networks.ts";

/** Somebody else was quicker so often that there must be something wrong. */
const MOST_ATTEMPTS = 64;

/** A start that chooses addresses and ports; when one of them was not free after all, it is tried with another one. */
export async function startInNetworks<T>(
  host: ContainerHost,
  spec: ContainerSpec,
  start: (tried: Tried) => Promise<T>,
): Promise<T> {
  const tried = nothingTried();
  if (Object.values(spec.nics ?? {}).some((nic) => "type" in nic && nic.type === "network"))
    await leaveKept(host, tried);
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(tried);
    } catch (error) {
      const planned = tried.last;
      if (!(error instanceof LibctError) || !planned) throw error;
      const again = attempt < MOST_ATTEMPTS && (await learn(error, spec, planned, tried, host));
      if (!again) throw explained(error, spec, planned);
    }
  }
}

/** Some addresses are somebody's who has nobody left to hold them. */
async function leaveKept(host: ContainerHost, { leases }: Tried): Promise<void> {
  const { caller, givenDirectory, stateDirectory } = await host.surroundings();
  const kept = keptLeases(await stateDirectory(), networkPlaces(caller.uid, givenDirectory));
  for (const [network, numbers] of kept) leases.set(network, numbers);
}

/** Whether the next attempt can be another one. */
async function learn(
  { errno, syscall, member = "" }: LibctError,
  spec: ContainerSpec,
  planned: PlannedNetworks,
  tried: Tried,
  host: ContainerHost,
): Promise<boolean> {
  const place = planned.joined.find(({ nic }) => member === `nics.${nic}`);
  if (place && errno === "EAGAIN" && syscall === "fcntl") {
    if (isAsked(spec, place.nic)) return false;
    const known = tried.leases.get(place.network.name) ?? new Set();
    tried.leases.set(place.network.name, known.add(place.lease));
    return true;
  }
  if (place && errno === "ENOENT" && syscall === "netlink" && !tried.all) {
    tried.all = true;
    return true;
  }
  const index = Number(/^ports\[(\d+)\]$/.exec(member)?.[1] ?? Number.NaN);
  if (errno === "EADDRINUSE" && spec.ports?.[index]?.hostPort === undefined) {
    const { hostPort = 0, range = 1 } = planned.ports[index] ?? {};
    for (let step = 0; step < range; step++) tried.ports.add(hostPort + step);
    return index >= 0;
  }
  return member === "ports" && errno === "EEXIST" && (await sweepAll(planned, host));
}

const isAsked = ({ nics = {} }: ContainerSpec, nic: string): boolean =>
  Reflect.get(nics[nic] ?? {}, "address") !== undefined;

/** Who has published it may have been killed. */
async function sweepAll({ joined }: PlannedNetworks, host: ContainerHost): Promise<boolean> {
  const surroundings = await host.surroundings();
  const { caller, givenDirectory } = surroundings;
  const { networkNames } = await import("../net/index.ts");
  const places = networkPlaces(caller.uid, givenDirectory);
  const kept = keptLeases(await surroundings.stateDirectory(), places);
  let swept = 0;
  for (const name of new Set([...networkNames(places.networks), ...joined.map(({ network }) => network.name)])) {
    swept += (await sweepNetwork(`${places.running}/${name}`, kept, surroundings)).length;
  }
  return swept > 0;
}

function portError(error: LibctError, { hostIP, hostPort, protocol = "tcp", range = 1 }: PublishedPort): LibctError {
  const span = range === 1 ? `port ${hostPort}/${protocol}` : `ports from ${hostPort}/${protocol} on, ${range} in all,`;
  const { member, errno } = error;
  const known = { member, errno, syscall: error.syscall, cause: error };
  if (errno === "EADDRINUSE") {
    const hint = "`ss -tulpn` tells by whom; without a port of the host a free one is chosen";
    return new LibctError("ERR_CT_STATE", `the ${span} of the host is taken`, { ...known, hint });
  }
  if (errno !== "EADDRNOTAVAIL") return error;
  const hint = "`ip addr` tells its addresses";
  return new LibctError("ERR_CT_STATE", `the host has no address ${hostIP}`, { ...known, hint });
}

function explained(error: LibctError, spec: ContainerSpec, { joined, ports }: PlannedNetworks): LibctError {
  const { errno, member = "", syscall } = error;
  const place = joined.find(({ nic }) => member === `nics.${nic}`);
  if (place && errno === "EAGAIN" && syscall === "fcntl" && isAsked(spec, place.nic)) {
    return addressInUse(place.network, place.addresses, `${member}.address`, error);
  }
  const port = ports[Number(/^ports\[(\d+)\]$/.exec(member)?.[1] ?? Number.NaN)];
  if (port && syscall === "bind") return portError(error, port);
  if (member !== "ports" || errno !== "EEXIST") return error;
  const all = ports.map(({ hostPort, protocol = "tcp" }) => `${hostPort}/${protocol}`).join(", ");
  return new LibctError("ERR_CT_STATE", `one of the ports ${all} is published by somebody else already`, {
    member,
    errno,
    hint: "`nft list table inet libct` shows by whom",
    cause: error,
  });
}
