import { compileChange, type LiveChange } from "../compile/index.ts";
import { invalid } from "../errors.ts";
import {
  type ContainerSpec,
  type Device,
  type Mount,
  type NamespaceType,
  type Rlimit,
  validatePath,
  validateProcess,
  validateSpec,
} from "../spec/index.ts";
import { listProcesses } from "./container-processes.ts";
import type { EnterContext } from "./enter.ts";
import type { PinnedProcess } from "./pinned-process.ts";
import { requireHostDevices, type Surroundings } from "./resolve.ts";
import { resolveChange } from "./resolve-entry.ts";
import { resolveMounts } from "./resolve-mounts.ts";
import { runProgram } from "./run-program.ts";
import { namespacesOf, type RunningContainer, withTarget } from "./running-container.ts";
import { unsupported } from "./unsupported.ts";

/** What changing a running container needs of a Host. */
export interface LiveContext extends EnterContext {
  /** For who keeps a device cgroup: a device is about to be added to the container, or has been removed. */
  allowDevice?(container: RunningContainer, device: Pick<Device, "path">, allowed: boolean): Promise<void>;
}

export interface UnmountOptions {
  /** Takes it away at once, also when it is in use: who uses it keeps it until then (umount2(2), MNT_DETACH). */
  readonly detach?: boolean;
}

/** Adds a mount to a running container. Its target is found, or made, inside the container's root. When it fails, nothing is left of it. */
export async function addMount(context: LiveContext, container: RunningContainer, mount: Mount): Promise<void> {
  const { mounts = [] } = validateSpec({ ...container.spec, mounts: [mount] });
  await change(context, container, ({ caller, features }) => {
    const [resolved, ...others] = resolveMounts({ mounts }, caller, features);
    if (!resolved || others.length > 0 || resolved.options.tmpcopyup) {
      throw unsupported(
        "this mount cannot be added to a running container",
        "mounts[0]",
        "it is several mounts in truth: give it to the container from the beginning",
      );
    }
    if (resolved.source && !features.openTree) throw noOpenTree("bind mounts", "mounts[0]");
    return { do: "mount", mount: resolved };
  });
}

/** Takes a mount of a running container away. */
export async function removeMount(
  context: LiveContext,
  container: RunningContainer,
  destination: string,
  { detach = false }: UnmountOptions = {},
): Promise<void> {
  const path = validatePath(destination, "destination");
  requireMountNamespace(container, destination);
  await change(context, container, () => ({ do: "unmount", path, detach }));
}

/** Adds a device to a running container: a node of its own, or in a user namespace the host's device of the same path. */
export async function addDevice(context: LiveContext, container: RunningContainer, device: Device): Promise<void> {
  const { devices = [] } = validateSpec({ ...container.spec, devices: [device] });
  const [valid] = devices;
  if (!valid) throw invalid("devices[0]", device, "a device");
  await context.allowDevice?.(container, valid, true);
  await change(context, container, ({ caller, features }) => {
    const mayMakeNodes = caller.privileged && caller.initialUserNamespace && !namespacesOf(container.spec).has("user");
    const bound = !mayMakeNodes && valid.type !== "p";
    if (bound) requireHostDevices(devices);
    if (bound && !features.openTree) throw noOpenTree("devices", "devices[0]");
    return { do: "addDevice", device: valid, bound };
  });
}

/** Takes a device of a running container away. Who has opened it keeps it open. */
export async function removeDevice(context: LiveContext, container: RunningContainer, path: string): Promise<void> {
  const valid = validatePath(path, "path");
  requireMountNamespace(container, path);
  await change(context, container, () => ({ do: "removeDevice", path: valid }));
  await context.allowDevice?.(container, { path }, false);
}

/** Renames a running container. */
export async function setNames(
  context: LiveContext,
  container: RunningContainer,
  names: Pick<ContainerSpec, "hostname" | "domainname">,
): Promise<void> {
  const { hostname, domainname } = validateSpec({ ...container.spec, ...names });
  const wanted = {
    ...(names.hostname === undefined ? {} : { hostname }),
    ...(names.domainname === undefined ? {} : { domainname }),
  };
  await change(context, container, () => ({ do: "setNames", names: wanted }));
}

/** Sets kernel parameters of a running container's namespaces: all, or when one fails none. */
export async function setSysctl(
  context: LiveContext,
  container: RunningContainer,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const { hostname: _, domainname: __, ...spec } = container.spec;
  const { sysctl = {} } = validateSpec({ ...spec, sysctl: values });
  await change(context, container, () => ({ do: "setSysctl", values: sysctl }));
}

/** The new processes of processes that are just being limited are found in further rounds. */
const MOST_ROUNDS = 16;
/** Of one program: each limit of each process is three operations. */
const MOST_LIMITS = 2000;

/** Limits the processes that run in a container now, and with them those that they will start. */
export async function setRlimits(
  context: LiveContext,
  container: RunningContainer,
  limits: readonly Rlimit[],
): Promise<void> {
  const { rlimits = [] } = validateProcess({ args: ["-"], rlimits: limits }, "");
  if (rlimits.length === 0) return;
  const most = Math.floor(MOST_LIMITS / rlimits.length);
  const done = new Set<number>();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const found = listProcesses(container).filter(({ host }) => !done.has(host));
    if (found.length === 0) return;
    for (let first = 0; first < found.length; first += most) {
      const part = found.slice(first, first + most);
      await change(
        context,
        container,
        (_, namespaces) => {
          const pids = part.map(({ host, inside }) => (namespaces.has("pid") ? inside : host));
          return { do: "setRlimits", pids, rlimits };
        },
        ["user", "pid"],
      );
    }
    for (const { host } of found) done.add(host);
  }
}

type Plan = (surroundings: Surroundings, namespaces: ReadonlySet<NamespaceType>) => LiveChange;

async function change(
  context: LiveContext,
  container: RunningContainer,
  plan: Plan,
  only?: readonly NamespaceType[],
): Promise<void> {
  const surroundings = await context.surroundings();
  await withTarget(container, async (target: PinnedProcess) => {
    const resolved = resolveChange(container, target, surroundings, plan, only);
    await runProgram(context.zygote, compileChange(resolved));
  });
}

function requireMountNamespace({ spec }: RunningContainer, path: string): void {
  if (namespacesOf(spec).has("mount")) return;
  throw invalid("destination", path, "a container with a mount namespace: otherwise it would happen on the host");
}

const noOpenTree = (what: string, member: string) =>
  unsupported(
    `this kernel cannot add ${what} to a running container`,
    member,
    "open_tree and move_mount came with Linux 5.2",
  );
