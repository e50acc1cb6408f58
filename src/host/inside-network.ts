import { compileNetChange, type HolderPlace, type LiveStep, type NetChange } from "../compile/index.ts";
import { hostArch } from "../executor/index.ts";
import { type NetworkState, peersIn, readLimits, readNetworkState } from "../net/index.ts";
import type { ContainerNetworks, PlannedNic } from "../spec/index.ts";
import type { ContainerHost } from "./container-host.ts";
import type { PinnedProcess } from "./pinned-process.ts";
import type { Surroundings } from "./resolve.ts";
import { runNetChange } from "./run-net-change.ts";
import { namespacesOf, type RunningContainer, withTarget } from "./running-container.ts";

type Context = Pick<ContainerHost, "surroundings" | "zygote">;

interface Kept {
  readonly tearDown?: NetChange["tearDown"];
  readonly keep?: string | undefined;
  readonly plans?: readonly PlannedNic[];
  /** What of it is told of the container. */
  readonly networks?: ContainerNetworks | undefined;
}

export interface Inside {
  readonly surroundings: Surroundings;
  /** The path of the container's network namespace. */
  readonly namespace: string;
  /** The same, and what gives the right to look there. */
  readonly look: () => Promise<NetworkState>;
  /** The interfaces whose other side is in the container, of what is the host to it: on an ordinary user's networks that is where these are. */
  readonly lookAtPeers: () => Promise<NetworkState["links"]>;
  /** How much traffic its interfaces may have, and those of what is the host to it. */
  readonly limits: () => ReturnType<typeof readLimits>;
  readonly limitsOutside: () => ReturnType<typeof readLimits>;
  readonly change: (steps: readonly LiveStep[], kept?: Kept) => Promise<void>;
}

/** Its user namespace is below the one of the user's networks. */
export const isOnOwnNetworks = ({ spec }: RunningContainer, { privileged }: Surroundings["caller"]): boolean =>
  !privileged && Object.values(spec.nics ?? {}).some((nic) => "type" in nic && nic.type === "network");

const namespacesAt = ({ pid }: HolderPlace) => ({ user: `/proc/${pid}/ns/user`, network: `/proc/${pid}/ns/net` });

/** Looks at the network of a container that runs, and changes it, while its first process cannot become another one. */
export async function inside<T>(
  context: Context,
  container: RunningContainer,
  act: (inside: Inside) => Promise<T>,
): Promise<T> {
  const surroundings = await context.surroundings();
  const { features, caller, runner } = surroundings;
  const onOwn = isOnOwnNetworks(container, caller);
  const userFirst = !caller.privileged && !onOwn && namespacesOf(container.spec).has("user");
  const visit = async <T>(use: (holder: HolderPlace | undefined) => Promise<T>) =>
    onOwn ? await (await import("./net-holder.ts")).atHolder(surroundings, use) : await use(undefined);
  return await withTarget(container, async (target: PinnedProcess) => {
    const namespaces = `/proc/${target.path}/ns`;
    const where = { network: `${namespaces}/net`, ...(userFirst || onOwn ? { user: `${namespaces}/user` } : {}) };
    return await act({
      surroundings,
      namespace: where.network,
      look: () => readNetworkState(runner, where, "nics"),
      lookAtPeers: () =>
        visit(async (holder) => {
          const outside = holder ? namespacesAt(holder) : {};
          const peers = await peersIn(runner, container.init.pid, outside);
          const { links } = await readNetworkState(runner, outside, "nics");
          return links.filter(({ index }) => peers.has(index));
        }),
      limits: () => readLimits(runner, where),
      limitsOutside: () => visit((holder) => readLimits(runner, holder ? namespacesAt(holder) : {})),
      change: (steps, { tearDown = [], keep, plans = [], networks } = {}) =>
        visit((holder) => {
          const program = compileNetChange({
            arch: hostArch(),
            features,
            target: target.path,
            pid: container.init.pid,
            userFirst,
            holder,
            scratch: surroundings.scratch,
            steps,
            tearDown,
            ...(keep === undefined ? {} : { keep }),
            ...(networks ? { note: new TextEncoder().encode(JSON.stringify(networks)) } : {}),
          });
          return runNetChange(context.zygote, program, plans);
        }),
    });
  });
}
