import type { Imported } from "../flavours/index.ts";
import type { ContainerSpec, Namespace, NamespaceType, Resources } from "../spec/index.ts";
import { mergeMounts, type RunOptions, type RunPlan, splitOptions } from "./run-options.ts";

/** Another program's container, with changes: mounts and devices are added, limits and variables replaced one by one, all else as a whole. */
export function planImported(imported: Imported, args: readonly string[], options: Omit<RunOptions, "root">): RunPlan {
  const { spec, process } = splitOptions(options);
  const own = withNetwork(imported.spec, options.network);
  const resources = mergeResources(own.resources, spec.resources);
  const { mounts = [], devices = [] } = own;
  return {
    spec: {
      ...own,
      ...spec,
      mounts: mergeMounts(mounts, spec.mounts ?? []),
      devices: [...devices, ...(spec.devices ?? [])],
      ...(resources && { resources }),
    },
    process: {
      ...imported.process,
      ...process,
      env: { ...imported.process.env, ...process.env },
      args: args.length > 0 ? args : imported.process.args,
    },
  };
}

/** Each limit on its own: more memory does not take the limit of processes away. */
function mergeResources(own: Resources | undefined, given: Resources | undefined): Resources | undefined {
  if (!own || !given) return given ?? own;
  const memory = { ...own.memory, ...given.memory };
  const cpu = { ...own.cpu, ...given.cpu };
  return {
    ...own,
    ...given,
    ...(own.memory || given.memory ? { memory } : {}),
    ...(own.cpu || given.cpu ? { cpu } : {}),
  };
}

const typeOf = (one: NamespaceType | Namespace) => (typeof one === "string" ? one : one.type);

/** "none": no network but loopback. "host": that of the host. Otherwise what the configuration says. */
function withNetwork(spec: ContainerSpec, network: "none" | "host" | undefined): ContainerSpec {
  if (network === undefined) return spec;
  const { netDevices: _, nics: __, ...rest } = spec;
  const namespaces = (spec.namespaces ?? []).filter((one) => typeOf(one) !== "network");
  return { ...rest, namespaces: network === "none" ? [...namespaces, "network"] : namespaces };
}
