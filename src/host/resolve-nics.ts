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
  promiseLease,
  publishByPasta,
  publishesByNic,
  requirePrivileges,
  userModeKind,
  withOwnPorts,
  withUserModeResolver,
} from "../net/index.ts";
import type { ContainerSpec, PlannedNic } from "../spec/index.ts";
import { keptBeside } from "./kept-directory.ts";
import type { Surroundings, WhenMade } from "./resolve.ts";

/** Addresses and ports are chosen first, since what has a name needs mounts, too. */
export async function resolveNetworks(
  given: ContainerSpec,
  containerName: string,
  surroundings: Pick<
    Surroundings,
    "caller" | "features" | "runner" | "givenDirectory" | "scratch" | "stateDirectory" | "tried"
  > & { readonly whenMade?: WhenMade | undefined },
): Promise<PlannedNetworks> {
  const { privileged } = surroundings.caller;
  const whole = await withOwnPorts(given);
  const listens = publishesByNic(whole);
  const spec = withUserModeResolver(whole, privileged ? undefined : userModeKind());
  if (!needsNetworks(spec))
    return { spec, before: [], after: [], joined: [], ports: listens ? (spec.ports ?? []) : [] };
  const { caller, givenDirectory, tried = nothingTried() } = surroundings;
  const places = networkPlaces(caller.uid, givenDirectory);
  const wantsDefault = Object.values(spec.nics ?? {}).some(
    (nic) => "network" in nic && nic.network === DEFAULT_NETWORK.name,
  );
  if (wantsDefault && !networkNames(places.networks).includes(DEFAULT_NETWORK.name)) {
    const { makeDefaultNetwork } = await import("./networks.ts");
    await makeDefaultNetwork(surroundings);
  }
  // The rules of the user's networks do not lead to the host's ports.
  const planned = planNetworks(spec, containerName, places, tried, !privileged);
  if (containerName === "")
    for (const { directory, lease } of planned.joined) surroundings.whenMade?.(promiseLease(directory, lease));
  if (listens) return { ...planned, ports: spec.ports ?? [] };
  tried.last = privileged || planned.ports.length === 0 ? planned : { ...planned, after: await byPasta(planned) };
  return tried.last;
}

const byPasta = async ({ ports }: PlannedNetworks): Promise<readonly PlannedNic[]> => [
  { member: "ports", setUp: (await publishByPasta(ports)).setUp },
];

/** What is to be done for the container's network, and by whom. */
export async function resolveNics(
  { nics, netDevices, ports, lifetime, restart }: ContainerSpec,
  containerName: string,
  { before, after, joined }: Pick<PlannedNetworks, "before" | "after" | "joined">,
  surroundings: Pick<Surroundings, "features" | "caller" | "runner" | "scratch" | "stateDirectory">,
  inHolder: boolean,
): Promise<NicPlans> {
  const { features, caller, runner, scratch } = surroundings;
  const { privileged } = caller;
  const joins = joined.length > 0;
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
            stateDirectory: await surroundings.stateDirectory(),
            runner,
            kept: keptBeside(scratch),
          },
          joins ? [] : ports,
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
