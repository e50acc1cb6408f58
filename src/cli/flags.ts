import { HEALTH_FLAGS, type HealthFlags } from "./health-flags.ts";
import { RESOURCE_FLAGS, type ResourceFlags } from "./resource-flags.ts";
import type { FlagTable } from "./syntax.ts";

/** The flags of `ct run` and `ct explain` (syntax.ts says how they are read). */
export interface RunFlags extends ResourceFlags, HealthFlags {
  readonly readOnly?: true;
  readonly name?: string;
  readonly hostname?: string;
  readonly workdir?: string;
  readonly user?: string;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly bind: readonly string[];
  readonly tmpfs: readonly string[];
  readonly mount: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  readonly ulimit: readonly string[];
  readonly sysctl: readonly string[];
  readonly device: readonly string[];
  readonly net?: string;
  readonly network: readonly string[];
  readonly publish: readonly string[];
  readonly publishAll?: true;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOption: readonly string[];
  readonly addHost: readonly string[];
  readonly nic: readonly string[];
  readonly namespace: readonly string[];
  readonly noNamespace: readonly string[];
  readonly userNamespace?: "auto" | "identity" | "none";
  readonly uidMap: readonly string[];
  readonly gidMap: readonly string[];
  readonly lower: readonly string[];
  readonly upper?: string;
  readonly entrypoint?: string;
  readonly storage?: "overlay" | "btrfs" | "dir";
  readonly pull?: "missing" | "always" | "never";
  readonly platform?: string;
  readonly rootMode?: "pivot" | "move" | "chroot";
  readonly tty?: true;
  readonly interactive?: true;
  readonly preserveFds?: string;
  readonly oomScoreAdj?: string;
  readonly personality?: "LINUX" | "LINUX32";
  readonly landlockRead: readonly string[];
  readonly landlockWrite: readonly string[];
  readonly landlockBind: readonly string[];
  readonly landlockConnect: readonly string[];
  readonly timeout?: string;
  readonly maxOutput?: string;
  readonly cgroupParent?: string;
  readonly cgroupDriver?: "cgroupfs" | "systemd";
  readonly sandbox?: true;
  readonly workspace?: string;
  readonly allowRead: readonly string[];
  readonly allowWrite: readonly string[];
  readonly allowNet?: true;
  readonly allowEnv: readonly string[];
  readonly isolation?: "namespaces" | "landlock";
  readonly detach?: true;
  readonly restart?: string;
  readonly logSize?: string;
  /** Of a container in the background; of others it is always done. */
  readonly rm?: true;
  readonly json?: true;
  /** Only `ct explain` */
  readonly kernel?: string;
}

/** The flags that `ct run` and `ct explain` have in common. */
const COMMON: FlagTable<Omit<RunFlags, "json" | "kernel">> = {
  readOnly: { group: "Root and mounts:", text: "make the root read-only" },
  lower: { value: "dir", many: true, text: "a layer of an overlay, the topmost first (in place of ROOT)" },
  upper: { value: "dir", text: "keep the changes of an overlay here" },
  entrypoint: { value: "program", text: "in place of an image's own; empty for none" },
  storage: {
    value: "kind",
    choices: ["overlay", "btrfs", "dir"],
    text: "a root over an image as an overlay, which is the default, a snapshot or a copy",
  },
  pull: { value: "when", choices: ["missing", "always", "never"], text: "fetch an image; missing is the default" },
  platform: { value: "os/arch", text: "of an image, such as linux/arm64" },
  rootMode: { value: "mode", choices: ["pivot", "move", "chroot"], text: "how the root is entered" },
  bind: {
    short: "-v",
    value: "source:dest[:options]",
    many: true,
    text: "show a file or directory of the host, or a volume by its name; options: ro, nosuid, ...",
  },
  tmpfs: {
    value: "dest[:options]",
    many: true,
    text: "mount a filesystem in memory; options: size=64m, mode=1777, ...",
  },
  mount: { value: "fields", many: true, text: "any mount: type=...,source=...,target=...[,readonly][,OPTION...]" },
  device: { value: "host[:container]", many: true, text: "give a device of the host" },
  tty: { group: "Process:", short: "-t", text: "give it a terminal" },
  interactive: { short: "-i", text: "let it read the terminal, without one of its own" },
  preserveFds: { value: "n", text: "give it the descriptors 3 to 2+n, too" },
  workdir: { short: "-w", value: "dir", text: "working directory" },
  user: { short: "-u", value: "user[:group]", text: "ids, or names that the root's passwd and group know" },
  env: {
    short: "-e",
    value: "name[=value]",
    many: true,
    text: "an environment variable; without a value, the caller's",
  },
  envFile: { value: "file", many: true, text: "a file of such lines" },
  ulimit: { value: "name=soft[:hard]", many: true, text: "a resource limit, such as nofile=1024:2048" },
  oomScoreAdj: { value: "n", text: "-1000 to 1000" },
  personality: { value: "domain", choices: ["LINUX", "LINUX32"], text: "execution domain" },
  name: { group: "Isolation:", value: "name", text: "name the container" },
  hostname: { value: "name", text: "its host name" },
  network: {
    value: "network",
    many: true,
    text: "none (the default), host, container:NAME, cni:NAME, or NAME[:ip=ADDRESS,alias=NAME] of `ct network ls`; default makes one; pasta or slirp4netns: the host's, by that program; private: what this user has by himself",
  },
  net: { value: "network", text: "the same" },
  nic: {
    value: "fields",
    many: true,
    text: "an interface: type=veth,master=br0,address=10.0.0.2/24,...",
  },
  namespace: { value: "type[=path]", many: true, text: "a further new namespace, or one to join" },
  noNamespace: { value: "type", many: true, text: "share the host's namespace of that type" },
  userNamespace: {
    value: "kind",
    choices: ["auto", "identity", "none"],
    text: "which ids a user namespace has; none for no user namespace",
  },
  uidMap: { value: "container:host:size", many: true, text: "map user ids (makes a user namespace)" },
  gidMap: { value: "container:host:size", many: true, text: "map group ids" },
  sysctl: { value: "name=value", many: true, text: "a kernel parameter of its namespaces" },
  publish: {
    short: "-p",
    value: "[ip:][host:]container[/udp]",
    many: true,
    text: "send a port of the host on to the container, or a range of them",
  },
  publishAll: { short: "-P", text: "publish all ports that the image exposes, at free ones of the host" },
  dns: { value: "address", many: true, text: "whom it asks for names" },
  dnsSearch: { value: "domain", many: true, text: "where it looks for short names; . for nowhere" },
  dnsOption: { value: "option", many: true, text: "such as ndots:2" },
  addHost: { value: "name:address", many: true, text: "a name in its /etc/hosts" },
  capAdd: { group: "Rights:", value: "capability", many: true, text: "give a capability, or ALL" },
  capDrop: { value: "capability", many: true, text: "take a capability, or ALL" },
  securityOpt: {
    value: "option",
    many: true,
    text: "seccomp=default|unconfined|FILE, no-new-privileges[=false], apparmor=PROFILE, label=LABEL",
  },
  landlockRead: {
    value: "path",
    many: true,
    text: "allow reading and executing below; all that is not allowed is refused",
  },
  landlockWrite: { value: "path", many: true, text: "allow everything below" },
  landlockBind: { value: "port", many: true, text: "the TCP ports that it may listen on" },
  landlockConnect: { value: "port", many: true, text: "the TCP ports that it may connect to" },
  timeout: { group: "Limits:", value: "time", text: "kill it after so long: 30s, 1m30s" },
  ...RESOURCE_FLAGS,
  cgroupParent: { value: "path", text: "make its cgroups below this one; of systemd, in this slice" },
  cgroupDriver: { value: "driver", choices: ["cgroupfs", "systemd"], text: "who makes its cgroups" },
  maxOutput: { value: "size", text: "kill it when it writes more to its output or to its error output" },
  sandbox: {
    group: "Sandbox, for code that is not trusted:",
    text: "the host's root read-only and without secrets, no network, no capabilities",
  },
  workspace: { value: "dir", text: "the directory that it may change, and starts in" },
  allowRead: { value: "path", many: true, text: "show a path that is hidden" },
  allowWrite: { value: "path", many: true, text: "a further path that it may change" },
  allowNet: { text: "the host's network" },
  allowEnv: { value: "name", many: true, text: "pass an environment variable on" },
  isolation: { value: "kind", choices: ["namespaces", "landlock"], text: "landlock: where namespaces are forbidden" },
  ...HEALTH_FLAGS,
  rm: { group: "Lifetime:", text: "remove it when it has ended (with -d; else this is always done)" },
  restart: { value: "policy", text: "start it again: no, on-failure[:TIMES], always (with -d)" },
  logSize: { value: "size", text: "begin a new log after so much, such as 16M; one older log is kept (with -d)" },
  detach: { short: "-d", text: "leave it in the background, and print its name" },
};

/** Of `ct run`. */
export const RUN_FLAGS: FlagTable<Omit<RunFlags, "kernel">> = {
  ...COMMON,
  json: { text: "take the output and print the result: exitCode, signal, stdout, stderr, reason, duration" },
};

/** Of `ct create`. */
export const CREATE_FLAGS: FlagTable<Omit<RunFlags, "kernel">> = {
  ...COMMON,
  json: { text: "print its name as JSON" },
};

/** Of `ct explain`. */
export const EXPLAIN_FLAGS: FlagTable<RunFlags> = {
  ...COMMON,
  json: { text: "print the listing as JSON" },
  kernel: { value: "release", text: "as for another kernel, such as 4.19 or 5.10" },
};
