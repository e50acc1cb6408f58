import { invalid, LibctError } from "../errors.ts";
import {
  describeNics,
  linkNamed,
  type NicChange,
  type NicState,
  planChange,
  planCheck,
  removal,
} from "../net/index.ts";
import { type ContainerNetworks, type Nic, validateSpec } from "../spec/index.ts";
import { attachPlanned } from "./attach-planned.ts";
import type { ContainerHost } from "./container-host.ts";
import { inside } from "./inside-network.ts";
import { findKeeper, forgetKeeper, stopKeeper } from "./nic-keepers.ts";
import { namespacesOf, type RunningContainer } from "./running-container.ts";

type Context = Pick<ContainerHost, "surroundings" | "zygote">;

/** The interfaces of a container as they are now, the loopback among them. */
export const listNics = (context: Context, container: RunningContainer): Promise<readonly NicState[]> =>
  inside(context, container, async ({ look }) => describeNics(await look()));

/** Adds an interface: all of it, or nothing. It goes when the container has ended, whoever has added it. */
export async function attachNic(host: ContainerHost, container: RunningContainer, name: string, nic: Nic) {
  const valid = validNic(container, name, nic);
  await refuseTakenMac(host, container, name, valid);
  if ("type" in valid && valid.type === "network") {
    const { attachToNetwork } = await import("./live-networks.ts");
    await attachToNetwork(host, container, name, valid);
    return;
  }
  await inside(host, container, (known) => attachPlanned(known, container, name, valid));
}

/** Takes an interface away, with everything that was made for it. */
export async function detachNic(
  host: ContainerHost,
  container: RunningContainer,
  name: string,
  networks: ContainerNetworks | undefined,
): Promise<void> {
  if (name === "lo") throw invalid("nics.lo", name, "another interface: the loopback belongs to the namespace");
  const left = networks?.interfaces.some((one) => one.name === name)
    ? await (await import("./live-ports.ts")).leaveNetwork(host, container, networks, name)
    : [];
  await inside(host, container, async ({ surroundings, look, change }) => {
    const keeper = findKeeper(await surroundings.stateDirectory(), container.init, name);
    if (keeper) return await stopKeeper(surroundings.runner, keeper);
    linkNamed(name, await look());
    refuseLent(container, name);
    await change([removal(name), ...left].map((step) => ({ member: `nics.${name}`, step })));
    forgetKeeper(await surroundings.stateDirectory(), container.init, name);
  });
}

/** Asks the plugins that have made an interface. */
export async function checkNic(context: Context, container: RunningContainer, name: string): Promise<void> {
  await inside(context, container, async ({ surroundings, namespace, change }) => {
    const plan = planCheck(await surroundings.stateDirectory(), namespace, name);
    await change(
      plan.setUp.map((step) => ({ member: plan.member, step, nic: 0 })),
      { plans: [plan] },
    );
  });
}

async function refuseTakenMac(host: ContainerHost, container: RunningContainer, name: string, nic: Nic): Promise<void> {
  if (nic.mac === undefined) return;
  const { refuseTakenMacs } = await import("./taken-macs.ts");
  await refuseTakenMacs({ [name]: nic }, container.name, host);
}

/** Its monitor has promised to give it back at the end. */
function refuseLent({ spec }: RunningContainer, name: string): void {
  const nic = spec.nics?.[name];
  const type = nic && "type" in nic ? nic.type : nic?.driver.type;
  const moved = Object.entries(spec.netDevices ?? {}).some(([device, { name: newName = device }]) => newName === name);
  if (type !== "host" && type !== "cni" && !moved) return;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", `the interface ${name} belongs to the container from its start`, {
    member: `nics.${name}`,
    hint: "it is given back when the container has ended; one that was attached later can be detached",
  });
}

/** Changes an interface: all that is named, or nothing. */
export async function setNic(
  context: ContainerHost,
  container: RunningContainer,
  name: string,
  wanted: NicChange,
): Promise<void> {
  if ("sysctl" in wanted && wanted.sysctl !== undefined) {
    throw invalid(`nics.${name}.sysctl`, wanted.sysctl, "nothing here", "container.setSysctl() sets kernel parameters");
  }
  const { type: _, ...valid } = validNic(container, name, {
    type: name === "lo" ? "loopback" : "dummy",
    ...wanted,
  }) as {
    readonly type: string;
  } & NicChange;
  const own = container.spec.nics?.[name];
  if (own && valid.mac !== undefined) await refuseTakenMac(context, container, name, { ...own, mac: valid.mac });
  await inside(context, container, async ({ look, lookAtPeers, limits, limitsOutside, change }) => {
    if (!valid.bandwidth) return await change(planChange(name, valid, await look()));
    // The other side of a pair is where what comes in can be limited.
    const both = valid.bandwidth.ingress !== undefined;
    const host = both ? await lookAtPeers() : [];
    const found = { host: both ? await limitsOutside() : [], container: await limits() };
    await change(planChange(name, valid, await look(), host, found));
  });
}

function validNic({ spec }: RunningContainer, name: string, nic: Nic): Nic {
  if (!namespacesOf(spec).has("network")) {
    const expected = "a container with a network namespace: otherwise it would happen on the host";
    throw invalid(`nics.${name}`, name, expected);
  }
  const valid = validateSpec({ namespaces: ["network"], nics: { [name]: nic } }).nics?.[name];
  if (!valid) throw invalid("nics", name, "the name of an interface");
  return valid;
}
