import { type NicPlans, needsMonitor } from "../compile/index.ts";
import { absolutePath } from "../linux/index.ts";
import { noOrphan, planNetDevices, planNics, requirePrivileges } from "../net/index.ts";
import type { ContainerSpec, PlannedNic } from "../spec/index.ts";
import type { Surroundings } from "./resolve.ts";

/** What is to be done for the container's network, and by whom. */
export async function resolveNics(
  { nics, netDevices, ports, lifetime, restart }: ContainerSpec,
  containerName: string,
  surroundings: Pick<Surroundings, "features" | "caller" | "runner" | "scratch" | "stateDirectory">,
): Promise<NicPlans> {
  const { features, caller, runner, scratch } = surroundings;
  const { privileged } = caller;
  const runtime = absolutePath(`${scratch}/..`);
  const restarts = (restart?.policy ?? "no") !== "no";
  const plans: readonly PlannedNic[] = [
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
          },
          ports,
        )
      : []),
  ];
  // setns(2) to a network namespace wants CAP_SYS_ADMIN in one's own user namespace, too.
  const worker = caller.privileged ? "monitor" : "init";
  if (worker === "init") requirePrivileges(plans);
  const planned: NicPlans = { plans, worker, scratch };
  if (lifetime === "orphan" && needsMonitor(planned)) throw noOrphan();
  return planned;
}
