import { invalid } from "../errors.ts";
import { formatMac } from "../linux/index.ts";
import { findManagedNetwork, type NetworkPlaces, networkPlaces, readNetworkState } from "../net/index.ts";
import type { FoundRecord } from "../records/index.ts";
import type { Nic } from "../spec/index.ts";
import type { ContainerHost } from "./container-host.ts";
import { withLater } from "./later-networks.ts";
import type { Surroundings } from "./resolve.ts";

type Nics = Readonly<Record<string, Nic>>;

/**
 * Refuses a MAC address that was asked for and that another container has on the same bridge: frames for one would go to the other. The kernel is asked, in each
 * container that can be found and is on that bridge; without a MAC address that was asked for nothing is. `own`: the container's own name, which may have it under that of the interface.
 */
export async function refuseTakenMacs(
  nics: Nics,
  own: string | undefined,
  host: Pick<ContainerHost, "records" | "surroundings">,
) {
  const wanted = Object.entries(nics).filter(([, { mac }]) => mac !== undefined);
  if (wanted.length === 0) return;
  const surroundings = await host.surroundings();
  const places = networkPlaces(surroundings.caller.uid, surroundings.givenDirectory);
  const bridges = wanted.map(([, nic]) => bridgeOf(nic, places));
  if (bridges.every((bridge) => bridge === undefined)) return;
  for (const found of (await host.records()).list()) {
    if ("error" in found || !found.running || !found.state || found.name === own) continue;
    const on = interfacesOn(found, places);
    if (!bridges.some((bridge) => bridge !== undefined && on.has(bridge))) continue;
    const macs = await macsOf(found, surroundings);
    for (const [index, [name, { mac = "" }]] of wanted.entries()) {
      const names = on.get(bridges[index] ?? "") ?? [];
      const other = names.find((one) => macs.get(one) === mac.toLowerCase());
      if (other === undefined) continue;
      const expected = `one that nobody else has on the bridge ${bridges[index]}: ${found.name} has it (${other})`;
      throw invalid(`nics.${name}.mac`, mac, expected, "without one it gets a MAC address of its own");
    }
  }
}

function bridgeOf(nic: Nic, { networks }: NetworkPlaces): string | undefined {
  if (!("type" in nic)) return undefined;
  if (nic.type === "network") return findManagedNetwork(networks, nic.network)?.bridge;
  return nic.type === "veth" ? nic.master : undefined;
}

/** Names of a container's interfaces, by the bridge that they are on. */
function interfacesOn(found: FoundRecord, places: NetworkPlaces): ReadonlyMap<string, readonly string[]> {
  const on = new Map<string, readonly string[]>();
  const add = (name: string, bridge: string | undefined) => {
    if (bridge !== undefined) on.set(bridge, [...(on.get(bridge) ?? []), name]);
  };
  for (const [name, nic] of Object.entries(found.record.spec.nics ?? {})) add(name, bridgeOf(nic, places));
  for (const { name, network } of withLater(found.record.networks, found)?.interfaces ?? [])
    add(name, findManagedNetwork(places.networks, network)?.bridge);
  return on;
}

/** None of a container that ends meanwhile. */
async function macsOf({ state }: FoundRecord, { runner, caller }: Surroundings): Promise<ReadonlyMap<string, string>> {
  const path = (type: string) => `/proc/${state?.init.pid}/ns/${type}`;
  try {
    const where = { network: path("net"), ...(caller.privileged ? {} : { user: path("user") }) };
    const { links } = await readNetworkState(runner, where, "nics");
    return new Map(links.flatMap(({ name, mac }) => (mac?.length === 6 ? [[name, formatMac(mac)] as const] : [])));
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes(String((error as { errno?: unknown }).errno))) return new Map();
    throw error;
  }
}
