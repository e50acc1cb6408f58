import type { BuiltInNic, ContainerSpec, Mount, NamespaceType, Nic, ProcessSpec } from "../spec/index.ts";
import type { Caller } from "./caller.ts";

/** What is followed without a look at the machine, besides namespaces, mounts and devices. The root's plan is made and compared for each start. */
const PLAIN: ReadonlySet<string> = new Set<keyof ContainerSpec>([
  "root",
  "rootMode",
  "readonlyRoot",
  "rootfsPropagation",
  "hostname",
  "domainname",
  "links",
  "maskedPaths",
  "readonlyPaths",
  "sysctl",
  "seccomp",
  "process",
  "stopSignal",
  "annotations",
]);
const SCREENED: ReadonlySet<string> = new Set<keyof ContainerSpec>(["namespaces", "mounts", "devices", "nics"]);
const PLAIN_PROCESS: ReadonlySet<string> = new Set<keyof ProcessSpec>([
  "args",
  "env",
  "cwd",
  "user",
  "capabilities",
  "noNewPrivileges",
  "rlimits",
  "oomScoreAdj",
  "terminal",
  "newSessionKeyring",
  "makeCwd",
  "homeFromPasswd",
  "personality",
]);

/**
 * Whether equal starts of a container are resolved to equal values, but for the root: nothing of the specification makes somebody look at the machine, or
 * draw a name. A member that is not known here counts as one that does.
 */
export function isPlain(spec: ContainerSpec, process: Partial<ProcessSpec>, caller: Caller): boolean {
  const known = (member: string) => PLAIN.has(member) || SCREENED.has(member);
  const ofProcess = (member: string) => PLAIN_PROCESS.has(member);
  return (
    Object.keys(spec).every(known) &&
    Object.keys(process).every(ofProcess) &&
    Object.keys(spec.process ?? {}).every(ofProcess) &&
    spec.rootMode !== "move" &&
    typeof spec.seccomp !== "object" &&
    plainNamespaces(spec).size === (spec.namespaces?.length ?? 0) &&
    (spec.mounts ?? []).every(isPlainMount) &&
    Object.values(spec.nics ?? {}).every(isPlainNic) &&
    (spec.devices === undefined || (caller.privileged && caller.initialUserNamespace))
  );
}

/** Those that are new. Of a user namespace the ids are looked up, and of one that is joined whether it is there. */
export function plainNamespaces({ namespaces = [] }: ContainerSpec): ReadonlySet<NamespaceType> {
  return new Set(namespaces.filter((one) => typeof one === "string" && one !== "user") as readonly NamespaceType[]);
}

const isPlainMount = ({ type, options = [], uidMappings }: Mount): boolean =>
  type !== undefined &&
  PLAIN_MOUNTS.has(type) &&
  uidMappings === undefined &&
  !options.some((option) => LOOKED_UP.has(option));

/** What they are made of is looked for when the program runs; a MAC address is compared with those of others. */
const isPlainNic = (nic: Nic): boolean => "type" in nic && PLAIN_NICS.has(nic.type) && nic.mac === undefined;
const PLAIN_NICS: ReadonlySet<string> = new Set<BuiltInNic["type"]>([
  "veth",
  "bridge",
  "dummy",
  "loopback",
  "macvlan",
  "ipvlan",
  "vlan",
  "vxlan",
]);

/** A cgroup mount depends on what hierarchies there are. */
const PLAIN_MOUNTS: ReadonlySet<string> = new Set(["proc", "sysfs", "tmpfs", "devpts", "mqueue", "ramfs"]);
/** What needs a source, or something that not every kernel has. */
const LOOKED_UP: ReadonlySet<string> = new Set(["bind", "rbind", "idmap", "ridmap", "tmpcopyup"]);
