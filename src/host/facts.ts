import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { type CgroupView, canLimit, type LayoutKind, readView } from "../cgroup/index.ts";
import type { ProgramRunner } from "../executor/index.ts";
import { findProgram, readMountInfo } from "../fs/index.ts";
import type { KernelFeatures } from "../linux/index.ts";
import { NAMESPACE_FILES, type NamespaceType } from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import { isSealed, runTrials, type Trials } from "./trials.ts";

/** What can be limited by cgroups here, and by which. */
export interface CgroupFacts {
  readonly layout: LayoutKind;
  readonly memory: boolean;
  readonly pids: boolean;
  readonly cpu: boolean;
  readonly io: boolean;
}

/** Who may stand in the way of user namespaces. */
export interface Obstacles {
  /** Types that /proc/self/ns has. */
  readonly namespaces: readonly NamespaceType[];
  /** Contents of files that restrict user namespaces, by sysctl name; undefined: there is no such file. */
  readonly sysctls: Readonly<Record<string, string | undefined>>;
  /** What this runs in, as far as it can be told: "a Docker container". */
  readonly container: string | undefined;
  readonly seccompFiltered: boolean;
  /** The root directory is not where a filesystem is mounted: somebody used chroot(2). */
  readonly chrooted: boolean;
}

/** What was found out about the machine: plain values, so that their meaning can be tested without the machine. */
export interface Facts extends Obstacles {
  readonly features: KernelFeatures;
  readonly caller: Caller;
  readonly tried: Trials;
  readonly seccompActions: readonly string[];
  readonly programs: Readonly<Record<string, string | undefined>>;
  readonly fuseDevice: Access;
  readonly loopControl: Access;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  readonly cgroups: CgroupFacts;
  /** CAP_SYS_RESOURCE, which counts in the initial user namespace alone. */
  readonly sysResource: boolean;
  readonly executorSealed: boolean;
  /** Chains of others that drop what they do not know of all that is forwarded. */
  readonly forwardingBlockers: readonly string[];
  /** Bridges of managed networks that are there while libct's rules are not. */
  readonly unruledBridges: readonly string[];
  /** Containers of an ordinary user are on networks that nobody connects to the outside. */
  readonly lostNetworks: boolean;
}

export type Access = "missing" | "forbidden" | "allowed";

const SYSCTLS = [
  "kernel.unprivileged_userns_clone",
  "kernel.apparmor_restrict_unprivileged_userns",
  "user.max_user_namespaces",
];
const PROGRAMS = ["newuidmap", "newgidmap", "fuse-overlayfs"];
const READ_WRITE = constants.R_OK | constants.W_OK;

export async function gatherFacts(
  runner: ProgramRunner,
  features: KernelFeatures,
  caller: Caller,
  scratch: string,
  stateDirectory: string | undefined,
): Promise<Facts> {
  return {
    features,
    caller,
    tried: await runTrials(runner, caller, scratch),
    ...readObstacles(),
    seccompActions: (read("/proc/sys/kernel/seccomp/actions_avail") ?? "").split(" ").filter(Boolean),
    programs: Object.fromEntries(PROGRAMS.map((name) => [name, findProgram(name)])),
    fuseDevice: access("/dev/fuse", READ_WRITE),
    loopControl: access("/dev/loop-control", READ_WRITE),
    apparmor: read("/sys/module/apparmor/parameters/enabled") === "Y",
    selinux: existsSync("/sys/fs/selinux/enforce"),
    cgroups: cgroupFacts(readView()),
    sysResource: caller.initialUserNamespace && hasSysResource(),
    executorSealed: await isSealed(runner),
    ...(caller.privileged
      ? await lookAtRules(runner, caller, stateDirectory)
      : { forwardingBlockers: [], unruledBridges: [] }),
    lostNetworks: !caller.privileged && (await import("./lost-networks.ts")).hasLostNetworks({ scratch }),
  };
}

async function lookAtRules(
  runner: ProgramRunner,
  { uid }: Caller,
  stateDirectory: string | undefined,
): Promise<Pick<Facts, "forwardingBlockers" | "unruledBridges">> {
  const { blockingChains, hasRules, knownNetworks, networkPlaces, readChains, readLinks } = await import(
    "../net/index.ts"
  );
  const [chains, links] = [await readChains(runner), readLinks()];
  const { networks } = networkPlaces(uid, stateDirectory);
  const bridges = hasRules(chains) ? [] : knownNetworks(networks).map(({ bridge }) => bridge);
  return {
    forwardingBlockers: blockingChains(chains),
    unruledBridges: bridges.filter((bridge) => links.includes(bridge)),
  };
}

/** What can stand in the way of user namespaces. Cheap: also read to explain a failure. */
export function readObstacles(): Obstacles {
  const types = Object.entries(NAMESPACE_FILES) as [NamespaceType, string][];
  return {
    namespaces: types.filter(([, file]) => existsSync(`/proc/self/ns/${file}`)).map(([type]) => type),
    sysctls: Object.fromEntries(SYSCTLS.map((name) => [name, read(`/proc/sys/${name.replaceAll(".", "/")}`)])),
    container: outerContainer(),
    seccompFiltered: /^Seccomp:\s*2/m.test(read("/proc/self/status") ?? ""),
    chrooted: !readMountInfo().some(({ mountPoint }) => mountPoint === "/"),
  };
}

function cgroupFacts(view: CgroupView): CgroupFacts {
  return {
    layout: view.layout.kind,
    memory: canLimit({ memory: { limit: 4096 } }, view),
    pids: canLimit({ pids: { limit: 1 } }, view),
    cpu: canLimit({ cpu: { quota: 1000 } }, view),
    io: canLimit({ blockIO: { throttleReadBpsDevice: [{ major: 1, minor: 1, rate: 1 }] } }, view),
  };
}

const CAP_SYS_RESOURCE = 1n << 24n;
function hasSysResource(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(read("/proc/self/status") ?? "")?.[1] ?? "0";
  return (BigInt(`0x${effective}`) & CAP_SYS_RESOURCE) !== 0n;
}

/** Engines leave a mark: Docker and podman a file, systemd-nspawn and LXC the name of the manager (systemd's container interface). */
function outerContainer(): string | undefined {
  if (existsSync("/.dockerenv")) return "a Docker container";
  if (existsSync("/run/.containerenv")) return "a podman container";
  const manager = read("/run/systemd/container") ?? process.env.container;
  if (manager) return `a container of ${manager}`;
  return process.env.KUBERNETES_SERVICE_HOST === undefined ? undefined : "a Kubernetes pod";
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined; // A kernel without it has no such file.
  }
}

function access(path: string, mode: number): Access {
  try {
    accessSync(path, mode);
    return "allowed";
  } catch {
    return existsSync(path) ? "forbidden" : "missing";
  }
}
