import { existsSync, rmSync } from "node:fs";
import { compileNetSteps } from "../compile/index.ts";
import { invalid, LibctError } from "../errors.ts";
import { hostArch } from "../executor/index.ts";
import {
  forgetPlace,
  type Joined,
  leaseOf,
  networkNamed,
  networkPlaces,
  type PublishedLater,
  portsInterface,
  publishedDirectory,
  publishedLater,
  publishedUndo,
  publishPorts,
  removal,
  requireOutside,
  undo,
  undoAt,
  type WithHostPort,
  withHostPorts,
} from "../net/index.ts";
import { type ContainerNetworks, type NetStep, type PublishedPort, validateSpec } from "../spec/index.ts";
import type { ContainerHost } from "./container-host.ts";
import { type Inside, inside } from "./inside-network.ts";
import { readKeeper, stopKeeper } from "./nic-keepers.ts";
import type { Surroundings } from "./resolve.ts";
import { runProgram } from "./run-program.ts";
import type { RunningContainer } from "./running-container.ts";
import { startInNetworks } from "./start-in-networks.ts";

/** Publishes a port of a container that runs. Whoever stays has it bound, and takes it away at the end. */
export async function publishPort(
  host: ContainerHost,
  container: RunningContainer,
  networks: ContainerNetworks | undefined,
  given: PublishedPort,
): Promise<PublishedPort> {
  const surroundings = await host.surroundings();
  const port = validPort(given);
  const joined = reached(container, networks, surroundings);
  const spec = { ...container.spec, ports: [port] };
  return await startInNetworks(host, spec, (tried) =>
    inside(host, container, async (known) => {
      const ports = withHostPorts([port], tried, Math.random);
      tried.last = { spec, before: [], after: [], joined: [joined], ports };
      const [chosen] = ports;
      if (!chosen) return port;
      await publishOne(known, container, joined, chosen);
      return chosen;
    }),
  );
}

async function publishOne(
  known: Inside,
  { init }: RunningContainer,
  joined: Joined,
  port: WithHostPort,
): Promise<void> {
  const { surroundings, change } = known;
  requireOutside(joined, [port]);
  const keep = publishedDirectory(joined.directory, init, joined.lease, port);
  const left = publishedLater(joined.directory).find(({ directory }) => directory === keep);
  if (left && !readKeeper(keep)) await takeAway(left, surroundings);
  const kept = { keep, networks: { interfaces: [], ports: [port] } };
  if (!surroundings.caller.privileged) {
    const { publishLater } = await import("./live-pasta.ts");
    return await publishLater(known, joined, port, kept);
  }
  const path = publishedUndo(keep);
  const steps = publishPorts([port], joined, path).flatMap(({ member, setUp }) =>
    setUp.map((step) => ({ member, step })),
  );
  await change(steps, { ...kept, tearDown: [{ member: "ports", step: undoAt(path) }] });
}

/** Takes away what was published while the container ran. */
export async function unpublishPort(
  host: ContainerHost,
  container: RunningContainer,
  networks: ContainerNetworks | undefined,
  { hostPort = 0, hostIP, protocol = "tcp" }: Pick<PublishedPort, "hostPort" | "hostIP" | "protocol">,
): Promise<void> {
  const surroundings = await host.surroundings();
  const { pid, startTime } = container.init;
  const { running } = networkPlaces(surroundings.caller.uid, surroundings.givenDirectory);
  const names = new Set(networks?.interfaces.map(({ network }) => network));
  const found = [...names]
    .flatMap((name) => publishedLater(`${running}/${name}`))
    .find(
      (one) =>
        one.pid === pid &&
        one.startTime === startTime &&
        one.hostPort === hostPort &&
        one.protocol === protocol &&
        (hostIP === undefined || one.hostIP === hostIP),
    );
  if (!found) throw notPublished(container.name, networks, `${hostPort}/${protocol}`, { hostPort, protocol });
  await endPublished(found, surroundings);
}

async function endPublished(published: PublishedLater, surroundings: Surroundings): Promise<void> {
  const keeper = readKeeper(published.directory);
  if (keeper) await stopKeeper(surroundings.runner, keeper);
  if (existsSync(published.directory)) await takeAway(published, surroundings);
}

/** Takes the ports away that lead to a container by one of its interfaces, and gives what is left to do for one that it has from its start. */
export async function leaveNetwork(
  host: ContainerHost,
  { init, spec }: RunningContainer,
  networks: ContainerNetworks | undefined,
  name: string,
): Promise<readonly NetStep[]> {
  const surroundings = await host.surroundings();
  const places = placesOf(networks, surroundings);
  const place = places.find(({ nic }) => nic === name);
  if (!place) return [];
  const { directory, lease } = place;
  for (const one of publishedLater(directory))
    if (one.lease === lease && one.pid === init.pid && one.startTime === init.startTime)
      await endPublished(one, surroundings);
  // An ordinary user's ports come in by an interface of theirs, with which their pasta ends.
  const byPasta = !surroundings.caller.privileged && (spec.ports ?? []).length > 0 && place === reachedOf(places);
  // Of the lease itself nobody else makes use before the container has ended.
  return [undo(directory, lease), forgetPlace(directory, lease), ...(byPasta ? [removal(portsInterface(0))] : [])];
}

/** What somebody who was killed has left. */
async function takeAway({ directory, undo: path }: PublishedLater, surroundings: Surroundings): Promise<void> {
  const { runner, features } = surroundings;
  await runProgram(runner, compileNetSteps([undoAt(path)], { member: "ports" }, { arch: hostArch(), features }));
  rmSync(directory, { recursive: true, force: true });
}

function validPort(port: PublishedPort): PublishedPort {
  const nics = { eth0: { type: "network", network: "any" } } as const;
  const [valid] = validateSpec({ namespaces: ["network"], nics, ports: [port] }).ports ?? [];
  if (!valid) throw invalid("ports", port, "a port");
  return valid;
}

function placesOf(
  networks: ContainerNetworks | undefined,
  { caller, givenDirectory }: Surroundings,
): readonly Joined[] {
  const places = networkPlaces(caller.uid, givenDirectory);
  return (networks?.interfaces ?? []).map(({ name: nic, network: of, addresses }): Joined => {
    const network = networkNamed(places.networks, of);
    const [plain = ""] = addresses[0]?.split("/") ?? [];
    const lease = leaseOf(network, plain, `nics.${nic}`);
    return { nic, network, directory: `${places.running}/${of}`, lease, addresses };
  });
}

const reachedOf = (places: readonly Joined[]): Joined | undefined =>
  places.find(({ network }) => !network.internal) ?? places[0];

/** The container's place in the first of its networks that is not internal. */
function reached(
  { name }: RunningContainer,
  networks: ContainerNetworks | undefined,
  surroundings: Surroundings,
): Joined {
  const place = reachedOf(placesOf(networks, surroundings));
  if (place) return place;
  throw new LibctError(
    "ERR_CT_STATE",
    `container ${name} is in no managed network: none of its ports can be published`,
    {
      member: "ports",
      hint: `\`ct net attach ${name} --network NAME\` joins one`,
    },
  );
}

function notPublished(
  name: string,
  networks: ContainerNetworks | undefined,
  text: string,
  wanted: Pick<PublishedPort, "hostPort" | "protocol">,
): LibctError {
  const fromStart = networks?.ports.some(
    ({ hostPort, protocol = "tcp" }) => hostPort === wanted.hostPort && protocol === wanted.protocol,
  );
  return fromStart
    ? new LibctError("ERR_CT_NOT_SUPPORTED", `the port ${text} belongs to container ${name} from its start`, {
        member: "ports",
        hint: "it goes when the container has ended; one that was published later can be taken away",
      })
    : new LibctError("ERR_CT_STATE", `container ${name} has not published the port ${text} of the host`, {
        member: "ports",
        hint: `\`ct ps\` lists what is published`,
      });
}
