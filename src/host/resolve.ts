import { existsSync, type Stats, statSync } from "node:fs";
import { type Cgroup, type CgroupPlan, planCgroup, readView } from "../cgroup/index.ts";
import type { Resolved } from "../compile/index.ts";
import { invalid, LibctError } from "../errors.ts";
import type { ProgramRunner } from "../executor/index.ts";
import { dir } from "../fs/index.ts";
import { type KernelFeatures, makedev, randomHex } from "../linux/index.ts";
import type { PlannedNetworks, Tried } from "../net/index.ts";
import {
  type ContainerNetworks,
  type ContainerSpec,
  type Device,
  type NamespaceType,
  ociState,
  type ProcessSpec,
  type RootPlan,
} from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import { resolveIdMaps } from "./idmaps.ts";
import { isRecorded } from "./is-recorded.ts";
import { refuseChangesOfOwn } from "./own-namespaces.ts";
import type { ResolvedHolder } from "./resolve-holder.ts";
import { requireMountLabel } from "./resolve-mount-label.ts";
import { kernelViews, resolveMounts } from "./resolve-mounts.ts";
import { resolveProcess } from "./resolve-process.ts";
import { requireMemoryPolicy } from "./resolve-scheduling.ts";
import { unsupported } from "./unsupported.ts";

export interface Surroundings {
  readonly features: KernelFeatures;
  readonly caller: Caller;
  /** Directory that root drivers build in. */
  readonly scratch: string;
  /** Where what runs is written down: above the records of containers. */
  readonly stateDirectory: () => Promise<string>;
  /** Looks for it at what this process cannot see. */
  readonly runner: ProgramRunner;
  /** The executor that is used instead of the package's. */
  readonly executor?: string | undefined;
  /** Where containers and networks are written down, if not at the user's usual place. */
  readonly givenDirectory?: string | undefined;
  /** Addresses and ports that were not free after all. */
  readonly tried?: Tried | undefined;
}

/** Where the process's streams lead, and where the container is written down. */
export type Streams = Pick<
  Resolved,
  "stdin" | "stdout" | "stderr" | "passed" | "record" | "consoleSocket" | "pidfdSocket"
>;

/** Looks up on the machine what the compiler must know; refuses what cannot work before anything is made. */
export async function resolveContainer(
  given: ContainerSpec,
  process: ProcessSpec,
  streams: Streams,
  { name = given.name ?? "", root: planned, ...surroundings }: Resolving,
): Promise<Resolved> {
  const { features, caller, scratch } = surroundings;
  // Nobody could know a name that was made up.
  const networks = await networksOf(given, given.name ?? "", surroundings);
  const { spec } = networks;
  const state = ociState({ ...spec, name }, "creating");
  const { created, joined } = splitNamespaces(spec);
  requireFeatures(created, features);
  const holder = await holderOf(given, surroundings);
  const ownMaps = created.has("user") ? resolveIdMaps(spec, caller) : undefined;
  const idMaps = holder && ownMaps ? holder.below(ownMaps) : ownMaps;
  const root = planned ?? (await planRoot(spec, { features, caller, scratch }, created));
  const ownIds = created.has("user") || joined.has("user");
  const mayMakeNodes = caller.privileged && caller.initialUserNamespace && !ownIds;
  if (!mayMakeNodes) requireHostDevices(spec.devices ?? []);
  const cgroup = await resolveCgroup(spec, caller);
  const mounts = resolveMounts(spec, caller, features, created, pathsOf(cgroup?.handle));
  if (spec.mountLabel !== undefined) requireMountLabel(spec.mountLabel, mounts, root?.steps ?? []);
  if (spec.memoryPolicy) requireMemoryPolicy(spec.memoryPolicy, features);
  return {
    ...resolveProcess(process, spec.seccomp, features, { state, caller, enters: false }),
    ...streams,
    orphan: spec.lifetime === "orphan",
    spec,
    created,
    joined,
    idMaps,
    rootMode: spec.rootMode ?? (created.has("mount") ? "pivot" : "chroot"),
    root,
    mounts,
    ...(await resolveRare(spec, name, networks, holder !== undefined, surroundings)),
    ...(networks.joined.length + networks.ports.length > 0 ? { networks: told(networks) } : {}),
    ...(holder ? { holder: holder.place } : {}),
    ...(root && spec.rootMode === "move" ? { kernelViews: kernelViews() } : {}),
    mountLabel: spec.mountLabel,
    memoryPolicy: spec.memoryPolicy,
    cgroup,
    mayMakeNodes,
  };
}

interface Resolving extends Surroundings {
  readonly name?: string;
  readonly whenMade?: WhenMade;
  /** When it was planned before. */
  readonly root?: RootPlan | undefined;
}

/** Takes what is to be done when the container stands, or has failed. */
export type WhenMade = (action: () => void) => void;

/** Networks of an ordinary user are loaded for those who are on them. */
async function holderOf(
  spec: ContainerSpec,
  surroundings: Surroundings & { readonly whenMade?: WhenMade | undefined },
): Promise<ResolvedHolder | undefined> {
  const managed = Object.values(spec.nics ?? {}).some((nic) => "type" in nic && nic.type === "network");
  if (surroundings.caller.privileged || !managed) return undefined;
  return await (await import("./resolve-holder.ts")).resolveHolder(spec, surroundings);
}

/** Of a container that has nothing to do with networks: nothing is loaded for it. */
async function networksOf(
  spec: ContainerSpec,
  name: string,
  surroundings: Surroundings & { readonly whenMade?: WhenMade | undefined },
): Promise<PlannedNetworks> {
  if (!spec.nics && !spec.hosts && !spec.dns) return { spec, before: [], after: [], joined: [], ports: [] };
  const { resolveNetworks } = await import("./resolve-nics.ts");
  return await resolveNetworks(spec, name, surroundings);
}

const told = ({ joined, ports }: PlannedNetworks): ContainerNetworks => ({
  interfaces: joined.map(({ nic, network, addresses }) => ({ name: nic, network: network.name, addresses })),
  ports,
});

/** What few containers have is loaded for those. */
async function resolveRare(
  spec: ContainerSpec,
  name: string,
  networks: PlannedNetworks,
  inHolder: boolean,
  surroundings: Pick<Surroundings, "features" | "caller" | "runner" | "scratch" | "stateDirectory">,
): Promise<Pick<Resolved, "nics" | "intelRdt">> {
  const rare: { -readonly [K in "nics" | "intelRdt"]?: NonNullable<Resolved[K]> } = {};
  if (spec.intelRdt) {
    const { findResctrl, planIntelRdt } = await import("./resolve-intel-rdt.ts");
    rare.intelRdt = planIntelRdt(spec.intelRdt, name, findResctrl());
  }
  if (spec.nics || spec.netDevices) {
    const { resolveNics } = await import("./resolve-nics.ts");
    rare.nics = await resolveNics(spec, name, networks, surroundings, inHolder);
  }
  return rare;
}

/** The name of its directories is nobody else's: a container of another application may have the same name. */
async function resolveCgroup(spec: ContainerSpec, caller: Caller): Promise<CgroupPlan | undefined> {
  const { name, resources, cgroupsPath, cgroup } = spec;
  // What others can find they can also pause, limit and count.
  const wanted = isRecorded(spec) || cgroup !== undefined;
  if (cgroup?.driver === "none") return undefined;
  if (!resources && cgroupsPath === undefined && !wanted) return undefined;
  const unique = `libct-${name === undefined ? "" : `${name}-`}${randomHex(4)}`;
  const view = readView();
  if (cgroup?.driver !== "systemd") return planCgroup({ resources, cgroupsPath, name: unique, wanted }, view);
  const { planInScope } = await import("./scope.ts");
  return await planInScope({ cgroup, resources }, unique, caller, view);
}

export const pathsOf = (cgroup: Cgroup | undefined): readonly string[] =>
  cgroup?.directories.map(({ path }) => path) ?? [];

function splitNamespaces(spec: ContainerSpec): { created: Set<NamespaceType>; joined: Map<NamespaceType, string> } {
  const created = new Set<NamespaceType>();
  const joined = new Map<NamespaceType, string>();
  (spec.namespaces ?? []).forEach((namespace, index) => {
    if (typeof namespace === "string") created.add(namespace);
    else if (namespace.path === undefined) created.add(namespace.type);
    else {
      if (!existsSync(namespace.path)) {
        throw invalid(
          `namespaces[${index}].path`,
          namespace.path,
          "a namespace file that exists, such as /proc/PID/ns/net",
        );
      }
      joined.set(namespace.type, namespace.path);
    }
  });
  refuseUnjoinable(spec, created, joined);
  if (joined.size > 0) refuseChangesOfOwn(spec, joined);
  return { created, joined };
}

/** setns(2) wants CAP_SYS_ADMIN in the user namespace that owns the other one, and nobody in a new one has that. */
function refuseUnjoinable(
  spec: ContainerSpec,
  created: ReadonlySet<NamespaceType>,
  joined: ReadonlyMap<NamespaceType, string>,
): void {
  if (!created.has("user")) return;
  for (const type of ["mount", "pid"] as const) {
    // A pid namespace is joined for the children of who joins it, and with a time namespace there is another generation of them.
    if (!joined.has(type) || (type === "pid" && !created.has("time"))) continue;
    const index = spec.namespaces?.findIndex((namespace) => typeof namespace === "object" && namespace.type === type);
    const expected = `no path, since an older ${type} namespace cannot be joined from a new user namespace`;
    throw invalid(
      `namespaces[${index}].path`,
      joined.get(type),
      expected,
      "join the user namespace of the same process too",
    );
  }
}

function requireFeatures(created: ReadonlySet<NamespaceType>, features: KernelFeatures): void {
  if (created.has("time") && !features.timeNamespace) {
    throw unsupported(
      "this kernel has no time namespaces",
      "namespaces",
      "they came with Linux 5.6, as CONFIG_TIME_NS",
    );
  }
  if (created.has("cgroup") && !features.cgroupNamespace) {
    throw unsupported("this kernel has no cgroup namespaces", "namespaces", "they came with Linux 4.6");
  }
}

/** In a user namespace a device is the host's own one of the same path, which must be the one that is wanted. */
export function requireHostDevices(devices: readonly Device[]): void {
  devices.forEach(({ path, type, major = 0, minor = 0 }, index) => {
    if (type === "p") return;
    const stat = statIfPossible(path);
    const sameType = type === "b" ? stat?.isBlockDevice() : stat?.isCharacterDevice();
    if (sameType && stat?.rdev === makedev(major, minor)) return;
    throw new LibctError(
      "ERR_CT_NOT_PERMITTED",
      `the host has no device ${major}:${minor} at ${path}, and nobody may make one in a user namespace`,
      { path, member: `devices[${index}]` },
    );
  });
}

function statIfPossible(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // Not there, or not for this user: then not for the container either.
  }
}

/** Undefined when the container has the root of whoever makes it. */
export async function planRoot(
  spec: ContainerSpec,
  { features, caller, scratch }: Pick<Surroundings, "features" | "caller" | "scratch">,
  created: ReadonlySet<NamespaceType>,
): Promise<RootPlan | undefined> {
  if (spec.root === undefined) return undefined;
  const driver = typeof spec.root === "string" ? dir(spec.root) : spec.root;
  const plan = await driver.plan({
    scratch,
    uid: caller.uid,
    // An application in a user namespace itself has the same limits.
    userNamespace: created.has("user") || !caller.initialUserNamespace,
    overlayInUserNamespace: features.overlayInUserNamespace,
    mountSetattr: features.mountSetattr,
    readonly: spec.readonlyRoot ?? false,
  });
  if (plan.steps.some((step) => step.do === "image") && created.has("user") && !features.fsopen) {
    throw unsupported("this kernel cannot mount an image for a user namespace", "root", "fsopen came with Linux 5.2");
  }
  if (created.has("mount")) return plan;
  // A plain chroot: nothing may be mounted, so only a root that needs no mounting will do.
  const onItself = plan.steps.every((step) => step.do === "bind" && step.source === step.target);
  if (!onItself) {
    throw invalid(
      "root",
      driver.type,
      "a plain directory, since there is no mount namespace",
      'add "mount" to namespaces',
    );
  }
  return { path: plan.path, steps: [] };
}
