import { type NicPlans, needsMonitor } from "../compile/index.ts";
import { noOrphan, planNetDevices, planNics, requirePrivileges } from "../net/index.ts";
import type { ContainerSpec, PlannedNic } from "../spec/index.ts";
import type { Surroundings } from "./resolve.ts";

/** What is to be done for the container's network, and by whom. */
export async function resolveNics(
  { nics, netDevices, lifetime, restart }: ContainerSpec,
  containerName: string,
  { features, caller, runner, stateDirectory }: Pick<Surroundings, "features" | "caller" | "runner" | "stateDirectory">,
): Promise<NicPlans> {
  const restarts = (restart?.policy ?? "no") !== "no";
  const plans: readonly PlannedNic[] = [
    ...(netDevices ? await planNetDevices(netDevices, runner) : []),
    ...(nics
      ? await planNics(nics, { containerName, features, restarts, stateDirectory: await stateDirectory() })
      : []),
  ];
  // setns(2) to a network namespace wants CAP_SYS_ADMIN in one's own user namespace, too.
  const worker = caller.privileged ? "monitor" : "init";
  if (worker === "init") requirePrivileges(plans);
  const planned: NicPlans = { plans, worker };
  if (lifetime === "orphan" && needsMonitor(planned)) throw noOrphan();
  return planned;
}
