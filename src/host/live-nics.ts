import { compileNetChange, type LiveStep, type NetChange, needsMonitor } from "../compile/index.ts";
import { invalid, LibctError } from "../errors.ts";
import { hostArch } from "../executor/index.ts";
import { absolutePath } from "../linux/index.ts";
import {
  describeNics,
  linkNamed,
  type NetworkState,
  type NicChange,
  type NicState,
  planAttachment,
  planChange,
  planCheck,
  planNics,
  readNetworkState,
  removal,
  requirePrivileges,
} from "../net/index.ts";
import { type Nic, type PlannedNic, validateSpec } from "../spec/index.ts";
import type { ContainerHost } from "./container-host.ts";
import { keptBeside } from "./kept-directory.ts";
import { findKeeper, keeperDirectory, stopKeeper } from "./nic-keepers.ts";
import type { PinnedProcess } from "./pinned-process.ts";
import type { Surroundings } from "./resolve.ts";
import { runNetChange } from "./run-net-change.ts";
import { namespacesOf, type RunningContainer, withTarget } from "./running-container.ts";
import { unsupported } from "./unsupported.ts";

type Context = Pick<ContainerHost, "surroundings" | "zygote">;

/** The interfaces of a container as they are now, the loopback among them. */
export const listNics = (context: Context, container: RunningContainer): Promise<readonly NicState[]> =>
  inside(context, container, async ({ look }) => describeNics(await look()));

/** Adds an interface: all of it, or nothing. It goes when the container has ended, whoever has added it. */
export async function attachNic(context: Context, container: RunningContainer, name: string, nic: Nic): Promise<void> {
  const valid = validNic(container, name, nic);
  if ("type" in valid && valid.type === "network") {
    throw unsupported(
      "a managed network cannot be joined by a running container",
      `nics.${name}`,
      "attach a veth with its bridge as master and an address of its own, or give it to the container from the beginning",
    );
  }
  await inside(context, container, async ({ surroundings, change }) => {
    const { features, caller } = surroundings;
    const stateDirectory = await surroundings.stateDirectory();
    const runtime = absolutePath(`${surroundings.scratch}/..`);
    const { privileged } = caller;
    const plans = await planNics(
      { [name]: valid },
      {
        containerName: container.name,
        features,
        restarts: false,
        stateDirectory,
        runtime,
        privileged,
        runner: surroundings.runner,
        kept: keptBeside(surroundings.scratch),
      },
    );
    if (!privileged) requirePrivileges(plans);
    refuseCarried(name, plans);
    refuseKept(name, plans);
    const keep = needsMonitor({ plans }) ? keeperDirectory(stateDirectory, container.init, name) : undefined;
    const tearDown = plans.flatMap(({ member, tearDown: steps = [] }) => steps.map((step) => ({ member, step })));
    await change(planAttachment(name, plans), { tearDown, keep, plans });
  });
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

/** Takes an interface away, with everything that was made for it. */
export async function detachNic(context: Context, container: RunningContainer, name: string): Promise<void> {
  if (name === "lo") throw invalid("nics.lo", name, "another interface: the loopback belongs to the namespace");
  await inside(context, container, async ({ surroundings, look, change }) => {
    const keeper = findKeeper(await surroundings.stateDirectory(), container.init, name);
    if (keeper) return await stopKeeper(surroundings.runner, keeper);
    linkNamed(name, await look());
    refuseLent(container, name);
    await change([{ member: `nics.${name}`, step: removal(name) }]);
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
  context: Context,
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
  await inside(context, container, async ({ surroundings, look, change }) => {
    // The other side of a pair is where what comes in can be limited.
    const host = valid.bandwidth?.ingress === undefined ? [] : (await readNetworkState(surroundings.runner, {})).links;
    await change(planChange(name, valid, await look(), host));
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

interface Kept {
  readonly tearDown?: NetChange["tearDown"];
  readonly keep?: string | undefined;
  readonly plans?: readonly PlannedNic[];
}

interface Inside {
  readonly surroundings: Surroundings;
  /** The path of the container's network namespace. */
  readonly namespace: string;
  readonly look: () => Promise<NetworkState>;
  readonly change: (steps: readonly LiveStep[], kept?: Kept) => Promise<void>;
}

async function inside<T>(
  context: Context,
  container: RunningContainer,
  act: (inside: Inside) => Promise<T>,
): Promise<T> {
  const surroundings = await context.surroundings();
  const { features, caller, runner } = surroundings;
  const userFirst = !caller.privileged && namespacesOf(container.spec).has("user");
  return await withTarget(container, async (target: PinnedProcess) => {
    const path = `/proc/${target.path}`;
    const where = {
      network: `${path}/ns/net`,
      ...(userFirst ? { user: `${path}/ns/user` } : {}),
    };
    return await act({
      surroundings,
      namespace: where.network,
      look: () => readNetworkState(runner, where),
      change: (steps, { tearDown = [], keep, plans = [] } = {}) => {
        const program = compileNetChange({
          arch: hostArch(),
          features,
          target: target.path,
          pid: container.init.pid,
          userFirst,
          steps,
          tearDown,
          ...(keep === undefined ? {} : { keep }),
        });
        return runNetChange(context.zygote, program, plans);
      },
    });
  });
}
