import {
  asVeth,
  beforeJoining,
  DEFAULT_NETWORK,
  describeNics,
  joinNetworks,
  namesIn,
  networkNames,
  networkPlaces,
} from "../net/index.ts";
import type { NetworkNic } from "../spec/index.ts";
import { attachPlanned } from "./attach-planned.ts";
import type { ContainerHost } from "./container-host.ts";
import { type Inside, inside, isOnOwnNetworks } from "./inside-network.ts";
import type { RunningContainer } from "./running-container.ts";
import { startInNetworks } from "./start-in-networks.ts";
import { unsupported } from "./unsupported.ts";

/** Joins a managed network. Whoever stays holds the address, tells the container's names, and takes all of it away at the end. */
export async function attachToNetwork(
  host: ContainerHost,
  container: RunningContainer,
  name: string,
  nic: NetworkNic,
): Promise<void> {
  const { caller } = await host.surroundings();
  if (!caller.privileged && !isOnOwnNetworks(container, caller)) {
    throw unsupported(
      "an ordinary user's networks can be joined later only by a container that was made with one of them",
      `nics.${name}`,
      "its user namespace is not below theirs: give it a network from the beginning",
    );
  }
  const spec = { ...container.spec, nics: { [name]: nic } };
  await startInNetworks(host, spec, (tried) =>
    inside(host, container, async (known) => {
      const { caller, givenDirectory } = known.surroundings;
      await makeDefault(nic, known);
      const places = networkPlaces(caller.uid, givenDirectory);
      const [joined] = joinNetworks(spec, container.name, places, tried);
      if (!joined) return;
      tried.last = { spec, before: [], after: [], joined: [joined], ports: [] };
      const { network, addresses } = joined;
      const leadsOut = !network.internal && !(await hasWayOut(known));
      await attachPlanned(known, container, name, asVeth(nic, joined, leadsOut), {
        before: beforeJoining(joined, namesIn(spec, container.name, name), tried.all ?? false, places),
        networks: { interfaces: [{ name, network: network.name, addresses }], ports: [] },
      });
    }),
  );
}

/** A default route that is there already stays the only one. */
const hasWayOut = async ({ look }: Inside): Promise<boolean> =>
  describeNics(await look()).some(({ routes }) =>
    routes.some(({ to }) => to === "default" || to === "0.0.0.0/0" || to === "::/0"),
  );

async function makeDefault({ network }: NetworkNic, { surroundings }: Inside): Promise<void> {
  if (network !== DEFAULT_NETWORK.name) return;
  const places = networkPlaces(surroundings.caller.uid, surroundings.givenDirectory);
  if (networkNames(places.networks).includes(network)) return;
  const { makeDefaultNetwork } = await import("./networks.ts");
  await makeDefaultNetwork(surroundings);
}
