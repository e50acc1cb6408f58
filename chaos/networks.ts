import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { Host, standard } from "../src/index.ts";
import {
  heldLeases,
  leasesWithPlace,
  leasesWithUndo,
  networkPlaces,
  publishedLater,
  RUNNING_FILE,
} from "../src/net/index.ts";

/** The managed networks that containers of the run share: the second one is left and entered less often, and has few addresses. */
export const NETWORKS = [
  { name: "crowded", subnets: [{ subnet: "10.68.0.0/22" }] },
  { name: "small", subnets: [{ subnet: "10.69.0.0/27" }] },
] as const;

/** Ports of the host that containers fight over. */
export const PORTS = { first: 20000, count: 20 } as const;

/** Makes them with their bridges, which stay: what is counted later are containers. */
export async function makeNetworks(stateDirectory: string, root: string): Promise<void> {
  await using host = await Host.open({ stateDirectory });
  for (const network of NETWORKS) {
    await host.networks.create(network);
    const nics = { eth0: { type: "network", network: network.name } } as const;
    const container = await host.create({ ...standard({ userNamespace: false }), root, nics });
    await (await container.start(["true"], { stdout: "ignore", stderr: "ignore" })).wait();
  }
}

/** Nobody may be left in them: then they can be removed, and nothing of them is there any more. Gives what is wrong. */
export async function removeNetworks(stateDirectory: string): Promise<readonly string[]> {
  await using host = await Host.open({ stateDirectory });
  const faults: string[] = [];
  for (const { name } of NETWORKS) {
    await host.networks.remove(name).catch((error: Error) => faults.push(error.message));
  }
  return [...faults, ...elements().map((one) => `elements of no network: ${one}`)];
}

/** Leases that somebody holds, and what is written down of leases: names, and how ports are taken away. */
export function leaseInventory(stateDirectory: string) {
  const { running } = networkPlaces(0, stateDirectory);
  const each = NETWORKS.map(({ name }) => ({ name, directory: `${running}/${name}` }));
  return {
    leases: each.flatMap(({ name, directory }) => [...heldLeases(directory)].map((lease) => `${name} ${lease}`)),
    leaseFiles: each.flatMap(({ name, directory }) => [
      ...leasesWithUndo(directory).map((lease) => `${name} ${lease} has ports to be taken away`),
      ...publishedLater(directory).map(({ lease, hostPort }) => `${name} ${lease} has published ${hostPort}`),
      ...named(directory).map((lease) => `${name} ${lease} has names`),
    ]),
  };
}

function named(directory: string): readonly number[] {
  const hosts = `${directory}/${RUNNING_FILE.HOSTS}`;
  return existsSync(hosts) ? leasesWithPlace(readFileSync(hosts, "latin1")) : [];
}

interface Told {
  readonly nftables: readonly Readonly<
    Record<string, { readonly name?: string; readonly elem?: readonly unknown[] }>
  >[];
}

/** Of libct's own table in the run's network namespace: "ports4: ..." */
export function elements(): readonly string[] {
  const tables = execFileSync("nft", ["list", "tables"], { encoding: "utf8" });
  if (!tables.split("\n").includes("table inet libct")) return [];
  const words = ["-j", "list", "table", "inet", "libct"];
  const told = JSON.parse(execFileSync("nft", words, { encoding: "utf8" })) as Told;
  return told.nftables.flatMap((one) => {
    const { name, elem = [] } = one.set ?? one.map ?? {};
    return elem.map((element) => `${name}: ${JSON.stringify(element)}`);
  });
}
