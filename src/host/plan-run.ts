import { hostRoot } from "../fs/index.ts";
import { type ContainerSpec, standard } from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import { mergeMounts, type RunOptions, type RunPlan, splitOptions } from "./run-options.ts";
import { planSandbox } from "./sandbox.ts";

/** The specification of a throw-away container: the standard one, or the sandbox, with the caller's changes. */
export function planRun(caller: Caller, args: readonly string[], options: RunOptions): RunPlan {
  if (options.sandbox) return planSandbox(caller, args, options, options.sandbox);
  const given = splitOptions(options);
  const userNamespace = options.userNamespace ?? !caller.privileged;
  const network = options.network ?? "none";
  const base = standard({ userNamespace, network, ttyGroup: hasTtyGroup(caller) });
  const spec: ContainerSpec = {
    ...base,
    root: hostRoot(),
    ...(options.name === undefined ? {} : { hostname: options.name }),
    ...given.spec,
    mounts: mergeMounts(base.mounts ?? [], given.spec.mounts ?? []),
    devices: [...(base.devices ?? []), ...(given.spec.devices ?? [])],
    links: [...(base.links ?? []), ...(given.spec.links ?? [])],
  };
  return { spec, process: { env: DEFAULT_ENV, ...base.process, ...given.process, args } };
}

export const DEFAULT_ENV: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
};

const TTY = 5;
/** The group of terminals exists only where it is mapped. */
const hasTtyGroup = ({ privileged, ids }: Caller) =>
  privileged && ids.gid.some(({ start, count }) => start <= TTY && TTY < start + count);
