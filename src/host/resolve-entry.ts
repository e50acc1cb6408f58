import { existsSync } from "node:fs";
import type { LiveChange, ResolvedChange, ResolvedEntry, ScopeEntry, Stdio } from "../compile/index.ts";
import { invalid } from "../errors.ts";
import { type ContainerSpec, type NamespaceType, ociState, validateProcess, validateSpec } from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import type { EnterOptions } from "./enter.ts";
import type { PinnedProcess } from "./pinned-process.ts";
import type { Streams, Surroundings } from "./resolve.ts";
import { findResctrl, intelRdtGroups } from "./resolve-intel-rdt.ts";
import { resolveProcess } from "./resolve-process.ts";
import { chooseNamespaces, namespacesOf, type RunningContainer, readIdMaps } from "./running-container.ts";
import { type Command, passedOf, socketsOf } from "./start-options.ts";

/** What the compiler must know of the way into a container. */
function resolveWay(
  { spec }: RunningContainer,
  target: PinnedProcess,
  namespaces: ReadonlySet<NamespaceType>,
  { caller }: Pick<Surroundings, "caller">,
) {
  const chroot = isChroot(spec);
  return {
    target: target.path,
    namespaces,
    userFirst: !caller.privileged,
    idMaps: namespaces.has("user") ? readIdMaps(target) : undefined,
    // A mount namespace has its own "/", whatever that is.
    root: namespaces.has("mount") || chroot ? { path: "/" } : undefined,
    chroot: chroot && (namespaces.has("mount") || !namespacesOf(spec).has("mount")),
  };
}

/** Looks up what the compiler must know of a process that changes a container, with its namespaces (of `only`, if given). */
export function resolveChange(
  container: RunningContainer,
  target: PinnedProcess,
  surroundings: Surroundings,
  plan: (surroundings: Surroundings, namespaces: ReadonlySet<NamespaceType>) => LiveChange,
  only: readonly NamespaceType[] | undefined,
): ResolvedChange {
  const own = namespacesOf(container.spec);
  // With privileges the user namespace would only take some away.
  const wanted = only?.filter((type) => own.has(type) && (type !== "user" || !surroundings.caller.privileged));
  const namespaces = chooseNamespaces(container.spec, wanted, target);
  const change = plan(surroundings, namespaces);
  return {
    ...resolveProcess({ args: [] }, undefined, surroundings.features),
    ...resolveWay(container, target, namespaces, surroundings),
    ...(only ? { root: undefined, chroot: false } : {}),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    cgroups: [],
    keepRunning: false,
    mounts: change.do === "mount" ? [change.mount] : [],
    created: own,
    mountLabel: container.spec.mountLabel,
    change,
  };
}

/** Looks up what the compiler must know of a process that enters a container. */
export function resolveEntry(
  container: RunningContainer,
  target: PinnedProcess,
  command: Command,
  options: EnterOptions,
  { features, caller }: Pick<Surroundings, "features" | "caller">,
): ResolvedEntry {
  const { spec } = container;
  const given = "args" in command ? command : { args: command };
  const process = validateProcess({ ...spec.process, ...given });
  const state = ociState({ ...spec, name: container.name }, "running", container.init.pid);
  const namespaces = chooseNamespaces(spec, options.namespaces, target);
  return {
    ...resolveProcess(process, seccompOf(spec, options), features, { state, caller, enters: true }),
    ...streamsOf(options),
    ...passedOf(options),
    ...resolveWay(container, target, namespaces, { caller }),
    memoryPolicy: spec.memoryPolicy,
    cgroups: cgroupsOf(container, options.cgroup),
    attach: attachment(container, options.cgroup, caller),
    ...(spec.intelRdt
      ? { intelRdtPaths: intelRdtGroups(spec.intelRdt, spec.name ?? container.name, findResctrl()) }
      : {}),
    keepRunning: options.detached ?? false,
    orphan: options.orphan ?? false,
  };
}

/** Root writes to cgroup.procs itself; who is root in a user namespace alone may not, as little as its user (cgroups(7), "Delegation containment"). */
function attachment(
  { scope }: RunningContainer,
  below: string | undefined,
  { privileged, initialUserNamespace }: Caller,
): ScopeEntry | undefined {
  return scope && !(privileged && initialUserNamespace)
    ? { scope, below: below === undefined ? "" : `/${below}` }
    : undefined;
}

const isChroot = (spec: ContainerSpec) =>
  spec.root !== undefined && (spec.rootMode === "chroot" || !namespacesOf(spec).has("mount"));

function seccompOf(spec: ContainerSpec, { seccomp }: EnterOptions): ContainerSpec["seccomp"] {
  return seccomp === undefined ? spec.seccomp : validateSpec({ seccomp }).seccomp;
}

function streamsOf(options: EnterOptions): Streams {
  const { stdin = "ignore", stdout, stderr, orphan = false, detached = orphan } = options;
  const usual: Stdio = detached ? "ignore" : "pipe";
  const streams = { stdin, stdout: stdout ?? usual, stderr: stderr ?? usual };
  for (const [name, stream] of Object.entries(streams)) {
    if (!detached || stream !== "pipe") continue;
    throw invalid(name, stream, '"ignore" or "inherit", as a detached process may outlive who reads its pipes');
  }
  return { ...streams, ...socketsOf(options) };
}

/** In the hierarchies where there is a sub-cgroup of that name the process goes there, in the others into the container's own (cgroups(7), version 1). */
function cgroupsOf({ cgroups }: RunningContainer, below: string | undefined): RunningContainer["cgroups"] {
  if (below === undefined) return cgroups;
  const parts = below.split("/");
  if (parts.includes("..") || parts.includes(""))
    throw invalid("cgroup", below, 'a path below the container\'s cgroup, such as "workers"');
  const found = cgroups.map((one) => {
    const path = `${one.path}/${below}`;
    return existsSync(path) ? { ...one, path } : one;
  });
  if (found.some((one, index) => one !== cgroups[index])) return found;
  const hint =
    cgroups.length > 0 ? "make it beforehand" : "the container has no cgroup of its own: give it `resources`";
  throw invalid("cgroup", below, "a cgroup that exists below the container's", hint);
}
