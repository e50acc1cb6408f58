import { existsSync, rmSync } from "node:fs";
import { needsMonitor } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { absolutePath } from "../linux/index.ts";
import { planAttachment, planNics, requirePrivileges } from "../net/index.ts";
import type { ContainerNetworks, Nic, PlannedNic } from "../spec/index.ts";
import { type Inside, isOnOwnNetworks } from "./inside-network.ts";
import { keptBeside } from "./kept-directory.ts";
import { keeperDirectory, readKeeper } from "./nic-keepers.ts";
import type { RunningContainer } from "./running-container.ts";
import { unsupported } from "./unsupported.ts";

/** A place in a network, which comes before the interface. */
interface Place {
  readonly before: PlannedNic;
  readonly networks: ContainerNetworks;
}

/** Makes it, and what comes before it. */
export async function attachPlanned(
  { surroundings, change }: Inside,
  container: RunningContainer,
  name: string,
  nic: Nic,
  place?: Place,
): Promise<void> {
  const { features, caller, runner, scratch } = surroundings;
  const stateDirectory = await surroundings.stateDirectory();
  const { privileged } = caller;
  const made = await planNics(
    { [name]: nic },
    {
      containerName: container.name,
      features,
      restarts: false,
      stateDirectory,
      runtime: absolutePath(`${scratch}/..`),
      privileged,
      runner,
      kept: keptBeside(scratch),
    },
  );
  const plans = place ? [place.before, ...made] : made;
  if (!privileged && !isOnOwnNetworks(container, caller)) requirePrivileges(plans);
  refuseCarried(name, plans);
  refuseKept(name, plans);
  const keep = needsMonitor({ plans }) ? keeperDirectory(stateDirectory, container.init, name) : undefined;
  if (keep !== undefined) makeRoom(keep, name);
  const tearDown = plans.flatMap(({ member, tearDown: steps = [] }) => steps.map((step) => ({ member, step })));
  await change(planAttachment(name, plans), { tearDown, keep, plans, networks: place?.networks });
}

/** What sees to it that an interface of the host comes back is a part of the container's own program. */
function refuseKept(name: string, plans: readonly PlannedNic[]): void {
  if (!plans.some(({ setUp }) => setUp.some((step) => step.do === "keep"))) return;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", "an interface of the host cannot be given to a container that runs", {
    member: `nics.${name}`,
    hint: "give it to the container from the beginning, or a macvlan on it now",
  });
}

/** A program that carries traffic is a child of the container's own monitor. */
function refuseCarried(name: string, plans: readonly PlannedNic[]): void {
  if (!plans.some(({ setUp }) => setUp.some(({ do: what }) => what === "process"))) return;
  throw unsupported(
    "user-mode networking cannot be added to a running container",
    `nics.${name}`,
    "give it to the container from the beginning",
  );
}

/** Who has kept one of that name may have been killed; what he had to undo goes by the lease, or with the container. */
function makeRoom(keep: string, name: string): void {
  if (!existsSync(keep)) return;
  if (!readKeeper(keep)) {
    rmSync(keep, { recursive: true, force: true });
    return;
  }
  throw new LibctError("ERR_CT_STATE", `the container has an interface ${name} already`, {
    member: `nics.${name}`,
    hint: "choose another name, or detach it first",
  });
}
