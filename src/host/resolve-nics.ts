import { type NicPlans, needsMonitor } from "../compile/index.ts";
import { absolutePath } from "../linux/index.ts";
import {
  DEFAULT_NETWORK,
  needsNetworks,
  networkNames,
  networkPlaces,
  noOrphan,
  nothingTried,
  type PlannedNetworks,
  planNetDevices,
  planNetworks,
  planNics,
  publishByPasta,
  requirePrivileges,
  userModeKind,
  withUserModeResolver,
} from "../net/index.ts";
import type { ContainerSpec, PlannedNic } from "../spec/index.ts";
import { keptBeside } from "./kept-directory.ts";
import type { Surroundings } from "./resolve.ts";

/** Addresses and ports are chosen first, since what has a name needs mounts, too. */
export async function resolveNetworks(
  given: ContainerSpec,
  containerName: string,
  surroundings: Pick<Surroundings, "caller" | "runner" | "stateDirectory" | "tried">,
): Promise<PlannedNetworks> {
  const { privileged } = surroundings.caller;
  const spec = withUserModeResolver(given, privileged ? undefined : userModeKind());
  if (!needsNetworks(spec)) return { spec, before: [], after: [], joined: [], ports: [] };
  const { caller, stateDirectory, tried = nothingTried() } = surroundings;
  const places = networkPlaces(caller.uid, stateDirectory);
  const wantsDefault = Object.values(spec.nics ?? {}).some(
    (nic) => "network" in nic && nic.network === DEFAULT_NETWORK.name,
  );
  if (wantsDefault && !networkNames(places.networks).includes(DEFAULT_NETWORK.name)) {
    const { makeDefaultNetwork } = await import("./networks.ts");
    await makeDefaultNetwork(surroundings);
  }
  const planned = planNetworks(spec, containerName, places, tried);
  // The rules of the user's networks do not lead to the host's ports.
  const byPasta = !privileged && planned.ports.length > 0;
  tried.last = byPasta ? { ...planned, after: await publishByPasta(planned.ports) } : planned;
  return tried.last;
}

/** What is to be done for the container's network, and by whom. */
export async function resolveNics(
  { nics, netDevices, ports, lifetime, restart }: ContainerSpec,
  containerName: string,
  { before, after }: Pick<PlannedNetworks, "before" | "after">,
  {
    features,
    caller,
    runner,
    scratch,
    notesDirectory,
  }: Pick<Surroundings, "features" | "caller" | "runner" | "scratch" | "notesDirectory">,
  inHolder: boolean,
): Promise<NicPlans> {
  const { privileged } = caller;
  const runtime = absolutePath(`${scratch}/..`);
  const restarts = (restart?.policy ?? "no") !== "no";
  const plans: readonly PlannedNic[] = [
    ...before,
    ...(netDevices ? await planNetDevices(netDevices, runner) : []),
    ...(nics
      ? await planNics(
          nics,
          {
            containerName,
            features,
            restarts,
            runtime,
            privileged,
            stateDirectory: await notesDirectory(),
            runner,
            kept: keptBeside(scratch),
          },
          ports,
        )
      : []),
    ...after,
  ];
  // setns(2) to a network namespace wants CAP_SYS_ADMIN in one's own user namespace, too.
  const worker = privileged || inHolder ? "monitor" : "init";
  if (worker === "init") requirePrivileges(plans);
  const planned: NicPlans = { plans, worker, scratch };
  if (lifetime === "orphan" && needsMonitor(planned)) throw noOrphan();
  return planned;
}
