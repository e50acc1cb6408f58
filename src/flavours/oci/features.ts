import { CAPABILITIES } from "../../linux/index.ts";
import { memoryPolicyNames, mountOptionNames, NAMESPACE_TYPES, OCI_VERSION, seccompNames } from "../../spec/index.ts";
import { HOOK_NAMES } from "./hooks.ts";
import { OCI_VERSION_MIN } from "./version.ts";

export interface FeaturesOptions {
  /** Cgroups can be made by systemd: for the machine, for a user. */
  readonly systemd?: boolean;
  readonly systemdUser?: boolean;
  /** What the kernel takes of the flags that are known. Default: all */
  readonly supportedFlags?: readonly string[];
}

const sorted = (names: Iterable<string>): readonly string[] => [...names].sort();

/**
 * What the runtime of this version of libct knows how to do, whether or not this machine can.
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/features.md
 */
export function ociFeatures(version: string, options: FeaturesOptions = {}) {
  const { systemd = false, systemdUser = false, supportedFlags } = options;
  return {
    ociVersionMin: OCI_VERSION_MIN,
    ociVersionMax: OCI_VERSION,
    hooks: HOOK_NAMES,
    mountOptions: sorted(mountOptionNames()),
    linux: {
      namespaces: sorted(NAMESPACE_TYPES),
      capabilities: CAPABILITIES,
      cgroup: { v1: true, v2: true, systemd, systemdUser, rdma: true },
      seccomp: seccompFeatures(supportedFlags),
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: memoryPolicyNames(),
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: { "libct.version": version, "libct.checkpoint.enabled": "false" },
    // No annotation changes what is done.
    potentiallyUnsafeConfigAnnotations: [],
  };
}

function seccompFeatures(supportedFlags: readonly string[] | undefined) {
  const { actions, operators, archs, flags } = seccompNames();
  const knownFlags = sorted(flags);
  return {
    enabled: true,
    actions: sorted(actions),
    operators: sorted(operators),
    archs: sorted(archs),
    knownFlags,
    supportedFlags: supportedFlags ? sorted(supportedFlags) : knownFlags,
  };
}

export type OciFeatures = ReturnType<typeof ociFeatures>;
