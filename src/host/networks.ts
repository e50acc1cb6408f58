import { existsSync, readFileSync, rmSync } from "node:fs";
import { compileNetSteps, type HolderPlace } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { hostArch, lock } from "../executor/index.ts";
import { deleteLink, E } from "../linux/index.ts";
import {
  blockingChains,
  DEFAULT_NETWORK,
  forgetNetwork,
  forwarding,
  heldLeases,
  hostsEntries,
  leasedAddresses,
  leasesWithUndo,
  leaveBatch,
  listNetworks,
  makeNetworksDirectory,
  type Network,
  type NetworkOptions,
  type NetworkPlaces,
  networkNamed,
  networkNames,
  networkPlaces,
  openRunning,
  PLACE,
  parameterOf,
  planNetwork,
  RUNNING_FILE,
  readChains,
  readLinks,
  readTaken,
  recognizeBridge,
  request,
  undo,
  writeNetwork,
} from "../net/index.ts";
import type { NetStep, NetValue } from "../spec/index.ts";
import { keptLeases } from "./kept-leases.ts";
import type { Surroundings } from "./resolve.ts";
import { runHeld } from "./run-held.ts";

/** A container in a network. */
export interface NetworkMember {
  /** Its name first, then the others by which it is found. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

export interface NetworkInfo extends Network {
  /** The bridge is there. */
  readonly running: boolean;
  readonly containers: readonly NetworkMember[];
}

/** A network, or the error with which its description cannot be read. */
export type NetworkListing = NetworkInfo | { readonly name: string; readonly error: LibctError };

/** Managed networks of this user. Nothing of one is made on the machine before a container needs it. */
export interface Networks {
  /** `notes`: what of the machine must be known, or would be in the way. */
  create(options: NetworkOptions): Promise<NetworkInfo & { readonly notes: readonly string[] }>;
  list(): Promise<readonly NetworkListing[]>;
  inspect(name: string): Promise<NetworkInfo>;
  /** Throws ERR_CT_STATE when a container is in it. */
  remove(name: string): Promise<void>;
  /** Removes all that no container is in, and gives their names. */
  prune(): Promise<readonly string[]>;
}

type Known = Pick<Surroundings, "caller" | "features" | "runner" | "givenDirectory" | "scratch" | "stateDirectory">;

export function networksOf(surroundings: () => Promise<Known>): Networks {
  const open = async () => {
    const known = await surroundings();
    return { ...known, places: networkPlaces(known.caller.uid, known.givenDirectory) };
  };
  return {
    create: async (options) => createNetwork(options, await open()),
    list: async () => listAll((await open()).places),
    inspect: async (name) => {
      const { places } = await open();
      return describeNetwork(networkNamed(places.networks, name), places);
    },
    remove: async (name) => {
      const known = await open();
      await removeNetwork(networkNamed(known.places.networks, name), known);
    },
    prune: async () => prune(await open()),
  };
}

type Opened = Known & { readonly places: NetworkPlaces };

/** Somebody else may make it at the same moment. */
export async function makeDefaultNetwork(known: Known): Promise<void> {
  try {
    const places = networkPlaces(known.caller.uid, known.givenDirectory);
    await createNetwork(DEFAULT_NETWORK, { ...known, places });
  } catch (error) {
    if (!(error instanceof LibctError) || error.code !== "ERR_CT_NAME_IN_USE") throw error;
  }
}

/** One after the other, so that two networks never get the same subnet. */
async function createNetwork(options: NetworkOptions, { places, runner }: Opened) {
  makeDirectory(places.networks);
  const network = await lock(runner, `${places.networks}/.lock`, async () => {
    const planned = planNetwork(options, readTaken(places.networks), Math.random);
    writeNetwork(places.networks, planned);
    return planned;
  });
  return { ...describeNetwork(network, places), notes: await notesOn(network, runner) };
}

function makeDirectory(path: string): void {
  try {
    makeNetworksDirectory(path);
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    const details = { path, errno: code, syscall, hint: "choose another place with --root", cause };
    throw new LibctError("ERR_CT_STATE", `cannot make the directory of networks ${path}: ${code}`, details);
  }
}

/** What a person wants to know before the first container is there. */
async function notesOn(network: Network, runner: Known["runner"]): Promise<readonly string[]> {
  if (network.internal) return [];
  const off = forwarding(network).filter(({ path, value }) => parameterOf(path) !== value);
  return [
    ...off.map(
      ({ path }) =>
        `net.${path.replaceAll("/", ".")} will be set to 1 with the first container: this machine forwards packets then`,
    ),
    ...blockingChains(await readChains(runner)).map(
      (chain) =>
        `the chain "${chain}" of somebody else drops packets that are forwarded: it must let ${network.bridge} through`,
    ),
  ];
}

function listAll(places: NetworkPlaces): readonly NetworkListing[] {
  const names = networkNames(places.networks);
  return listNetworks(places.networks).map((one, index) =>
    one instanceof LibctError ? { name: names[index] ?? "", error: one } : describeNetwork(one, places),
  );
}

function describeNetwork(network: Network, { running }: NetworkPlaces): NetworkInfo {
  const directory = `${running}/${network.name}`;
  const held = [...heldLeases(directory)].sort((one, other) => one - other);
  const hosts = held.length > 0 ? readFileSync(`${directory}/${RUNNING_FILE.HOSTS}`) : Buffer.alloc(0);
  const containers = held.map((lease) => ({
    names: namesAt(hosts.subarray(lease * PLACE, (lease + 1) * PLACE).toString("utf8")),
    addresses: leasedAddresses(network, lease),
  }));
  return { ...network, running: readLinks().includes(network.bridge), containers };
}

const namesAt = (place: string): readonly string[] => hostsEntries(place)[0]?.split("\t")[1]?.split(" ") ?? [];

/** All its leases are taken meanwhile: nobody can join it, and nobody is in it. */
async function removeNetwork(network: Network, known: Opened): Promise<void> {
  // Where an ordinary user's networks are, while they are somewhere.
  const holder = known.caller.privileged ? undefined : await (await import("./net-holder.ts")).visitRunning(known);
  try {
    await removeFrom(network, known, holder);
  } finally {
    holder?.release();
  }
}

async function removeFrom(
  network: Network,
  { places, runner, caller, features, stateDirectory }: Opened,
  holder: HolderPlace | undefined,
): Promise<void> {
  const directory = openRunning(places.running, network);
  const kept = keptLeases(await stateDirectory(), places).get(network.name);
  const count = new Set([...heldLeases(directory), ...(kept ?? [])]).size;
  if (count > 0) throw inUse(network, count);
  const forget = async () => {
    forgetNetwork(places.networks, network.name);
    rmSync(directory, { recursive: true, force: true });
  };
  const program = compileNetSteps(
    caller.privileged || holder ? unmake(network, directory) : [lockAll(directory)],
    { member: "network", waits: true, holder },
    { arch: hostArch(), features },
  );
  try {
    await runHeld(runner, program, forget);
  } catch (error) {
    if (error instanceof LibctError && error.errno === "EAGAIN")
      throw inUse(network, Math.max(1, heldLeases(directory).size));
    if (error instanceof LibctError && error.errno === "ENOTUNIQ") throw anothersBridge(network, error);
    throw error;
  }
}

const lockAll = (directory: string): NetStep => ({
  do: "lock",
  path: `${directory}/${RUNNING_FILE.LEASES}`,
  byte: 0,
  all: true,
  why: "take all addresses of the network",
});

const unmake = (network: Network, directory: string): readonly NetStep[] => [
  lockAll(directory),
  recognizeBridge(network),
  ...leasesWithUndo(directory).map((lease) => undo(directory, lease)),
  { do: "nftables", batch: leaveBatch(network), tolerate: [E.ENOENT], why: "tell the rules that the network is gone" },
  request("host", deleteLink<NetValue>({ name: network.bridge }), `remove the bridge ${network.bridge}`, [E.ENODEV]),
];

const inUse = ({ name }: Network, count: number) =>
  new LibctError("ERR_CT_STATE", `the network ${name} is in use by ${count} container${count === 1 ? "" : "s"}`, {
    hint: `\`ct network inspect ${name}\` tells which`,
  });

const anothersBridge = ({ name, bridge }: Network, cause: LibctError) =>
  new LibctError("ERR_CT_STATE", `the network ${name} cannot be removed: the interface ${bridge} is not its bridge`, {
    errno: cause.errno,
    hint: "remove the network of the other state directory first, or the interface: see `ip link`",
    cause,
  });

async function prune(known: Opened): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const one of listNetworks(known.places.networks)) {
    if (one instanceof LibctError || heldLeases(`${known.places.running}/${one.name}`).size > 0) continue;
    try {
      await removeNetwork(one, known);
      removed.push(one.name);
    } catch (error) {
      // Somebody has joined it meanwhile.
      if (!(error instanceof LibctError) || error.code !== "ERR_CT_STATE") throw error;
    }
  }
  const shared = `${known.places.running}/.shared`;
  if (networkNames(known.places.networks).length === 0 && existsSync(shared)) rmSync(shared, { recursive: true });
  return removed;
}
