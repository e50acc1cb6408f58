import { compileNetChange, type LiveStep, type NetChange } from "../compile/index.ts";
import { hostArch } from "../executor/index.ts";
import { type NetworkPaths, type NetworkState, readNetworkState } from "../net/index.ts";
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
  readonly where: NetworkPaths;
  readonly look: () => Promise<NetworkState>;
  readonly change: (steps: readonly LiveStep[], kept?: Kept) => Promise<void>;
}

/** Looks at the network of a container that runs, and changes it, while its first process cannot become another one. */
export async function inside<T>(
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
      where,
      look: () => readNetworkState(runner, where, "nics"),
      change: (steps, { tearDown = [], keep, plans = [], networks } = {}) => {
        const program = compileNetChange({
          arch: hostArch(),
          features,
          target: target.path,
          pid: container.init.pid,
          userFirst,
          steps,
          tearDown,
          ...(keep === undefined ? {} : { keep }),
          ...(networks ? { note: new TextEncoder().encode(JSON.stringify(networks)) } : {}),
        });
        return runNetChange(context.zygote, program, plans);
      },
    });
  });
}
