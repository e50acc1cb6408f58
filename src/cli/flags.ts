import { type Command, Option } from "commander";

/** The flags of `ct run` and `ct explain` as commander gives them. */
export interface RunFlags {
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
  readonly net?: "none" | "host";
  readonly namespace: readonly string[];
  readonly noNamespace: readonly string[];
  readonly userNamespace?: "auto" | "identity" | "none";
  readonly uidMap: readonly string[];
  readonly gidMap: readonly string[];
  readonly lower: readonly string[];
  readonly upper?: string;
  readonly rootMode?: "pivot" | "move" | "chroot";
  readonly tty?: true;
  readonly interactive?: true;
  readonly oomScoreAdj?: string;
  readonly personality?: "LINUX" | "LINUX32";
  readonly landlockRead: readonly string[];
  readonly landlockWrite: readonly string[];
  readonly landlockBind: readonly string[];
  readonly landlockConnect: readonly string[];
  readonly timeout?: string;
  readonly maxOutput?: string;
  readonly memory?: string;
  readonly memorySwap?: string;
  readonly memoryReservation?: string;
  readonly cpus?: string;
  readonly cpuShares?: string;
  readonly cpuQuota?: string;
  readonly cpuPeriod?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pids?: string;
  readonly pidsLimit?: string;
  readonly blkioWeight?: string;
  readonly deviceReadBps: readonly string[];
  readonly deviceWriteBps: readonly string[];
  readonly deviceReadIops: readonly string[];
  readonly deviceWriteIops: readonly string[];
  readonly cgroupParent?: string;
  readonly sandbox?: true;
  readonly workspace?: string;
  readonly allowRead: readonly string[];
  readonly allowWrite: readonly string[];
  readonly allowNet?: true;
  readonly allowEnv: readonly string[];
  readonly isolation?: "namespaces" | "landlock";
  readonly json?: true;
  /** Only `ct explain` */
  readonly kernel?: string;
}

/** A command line without flags. */
export const NO_FLAGS: RunFlags = {
  env: [],
  envFile: [],
  bind: [],
  tmpfs: [],
  mount: [],
  capAdd: [],
  capDrop: [],
  securityOpt: [],
  ulimit: [],
  sysctl: [],
  device: [],
  namespace: [],
  noNamespace: [],
  uidMap: [],
  gidMap: [],
  lower: [],
  landlockRead: [],
  landlockWrite: [],
  landlockBind: [],
  landlockConnect: [],
  deviceReadBps: [],
  deviceWriteBps: [],
  deviceReadIops: [],
  deviceWriteIops: [],
  allowRead: [],
  allowWrite: [],
  allowEnv: [],
};

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Adds what `run` and `explain` have in common. With `dashes` (a "--" was given) flags may stand on both sides of ROOT. */
export function withRunFlags(command: Command, dashes: boolean): Command {
  command.argument("[ROOT]", 'what "/" is: a directory, a file with a filesystem, or "host" (default)');
  command.argument("[COMMAND...]", "the program and its arguments").usage("[options] [ROOT] -- COMMAND...");
  // Without "--" what follows the first word may be the command's own flags.
  command.passThroughOptions(!dashes);
  const flags = new FlagGroups(command);
  addRootFlags(flags);
  addProcessFlags(flags);
  addIsolationFlags(flags);
  addSecurityFlags(flags);
  addLimitFlags(flags);
  addSandboxFlags(flags);
  flags.group("Other:").one("--rm", "remove it afterwards (always done)");
  return command;
}

/** Commander's options in the three forms that there are. */
class FlagGroups {
  readonly #command: Command;

  constructor(command: Command) {
    this.#command = command;
  }

  group(heading: string): this {
    this.#command.optionsGroup(heading);
    return this;
  }

  one(flags: string, text: string): this {
    this.#command.option(flags, text);
    return this;
  }

  /** May be given many times. */
  many(flags: string, text: string): this {
    const option = new Option(flags, text).argParser(collect);
    option.negate = false; // "--no-namespace" is a name of ours.
    this.#command.addOption(option);
    return this;
  }

  choice(flags: string, text: string, choices: readonly string[]): this {
    this.#command.addOption(new Option(flags, text).choices(choices));
    return this;
  }
}

function addRootFlags(flags: FlagGroups): void {
  flags
    .group("Root and mounts:")
    .one("--read-only", "make the root read-only")
    .many("--lower <dir>", "a layer of an overlay, the topmost first (in place of ROOT)")
    .one("--upper <dir>", "keep the changes of an overlay here")
    .choice("--root-mode <mode>", "how the root is entered", ["pivot", "move", "chroot"])
    .many("-v, --bind <source:dest[:options]>", "show a file or directory of the host; options: ro, nosuid, ...")
    .many("--tmpfs <dest[:options]>", "mount a filesystem in memory; options: size=64m, mode=1777, ...")
    .many("--mount <fields>", "any mount: type=...,source=...,target=...[,readonly][,OPTION...]")
    .many("--device <host[:container]>", "give a device of the host");
}

function addProcessFlags(flags: FlagGroups): void {
  flags
    .group("Process:")
    .one("-t, --tty", "give it a terminal")
    .one("-i, --interactive", "let it read the terminal, without one of its own")
    .one("-w, --workdir <dir>", "working directory")
    .one("-u, --user <user[:group]>", "ids, or names that the root's passwd and group know")
    .many("-e, --env <name[=value]>", "an environment variable; without a value, the caller's")
    .many("--env-file <file>", "a file of such lines")
    .many("--ulimit <name=soft[:hard]>", "a resource limit, such as nofile=1024:2048")
    .one("--oom-score-adj <n>", "-1000 to 1000")
    .choice("--personality <domain>", "execution domain", ["LINUX", "LINUX32"]);
}

function addIsolationFlags(flags: FlagGroups): void {
  flags
    .group("Isolation:")
    .one("--name <name>", "name the container")
    .one("--hostname <name>", "its host name")
    .choice("--net <kind>", "network; none is the default", ["none", "host"])
    .many("--namespace <type[=path]>", "a further new namespace, or one to join")
    .many("--no-namespace <type>", "share the host's namespace of that type")
    .choice("--user-namespace <kind>", "which ids a user namespace has; none for no user namespace", [
      "auto",
      "identity",
      "none",
    ])
    .many("--uid-map <container:host:size>", "map user ids (makes a user namespace)")
    .many("--gid-map <container:host:size>", "map group ids")
    .many("--sysctl <name=value>", "a kernel parameter of its namespaces");
}

function addSecurityFlags(flags: FlagGroups): void {
  flags
    .group("Rights:")
    .many("--cap-add <capability>", "give a capability, or ALL")
    .many("--cap-drop <capability>", "take a capability, or ALL")
    .many(
      "--security-opt <option>",
      "seccomp=default|unconfined|FILE, no-new-privileges[=false], apparmor=PROFILE, label=LABEL",
    )
    .many("--landlock-read <path>", "allow reading and executing below; all that is not allowed is refused")
    .many("--landlock-write <path>", "allow everything below")
    .many("--landlock-bind <port>", "the TCP ports that it may listen on")
    .many("--landlock-connect <port>", "the TCP ports that it may connect to");
}

function addLimitFlags(flags: FlagGroups): void {
  flags
    .group("Limits:")
    .one("--timeout <time>", "kill it after so long: 30s, 1m30s")
    .one("--memory <size>", "memory, such as 512M")
    .one("--memory-swap <size>", "memory and swap together; -1 for unlimited swap")
    .one("--memory-reservation <size>", "memory that is left to it when memory is short")
    .one("--cpus <n>", "processor time, such as 1.5 processors")
    .one("--cpu-shares <n>", "weight against others: 2 to 262144, usually 1024")
    .one("--cpu-quota <microseconds>", "processor time in each period")
    .one("--cpu-period <microseconds>", "usually 100000")
    .one("--cpuset-cpus <list>", "processors that it may use, such as 0-3,7")
    .one("--cpuset-mems <list>", "memory nodes")
    .one("--pids <n>", "processes and threads")
    .one("--pids-limit <n>", "the same, as docker calls it")
    .one("--blkio-weight <n>", "weight of its disk traffic: 10 to 1000")
    .many("--device-read-bps <device:rate>", "bytes per second, such as /dev/sda:10M")
    .many("--device-write-bps <device:rate>", "bytes per second")
    .many("--device-read-iops <device:rate>", "operations per second")
    .many("--device-write-iops <device:rate>", "operations per second")
    .one("--cgroup-parent <path>", "make its cgroups below this one")
    .one("--max-output <size>", "kill it when it writes more to its output or to its error output");
}

function addSandboxFlags(flags: FlagGroups): void {
  flags
    .group("Sandbox, for code that is not trusted:")
    .one("--sandbox", "the host's root read-only and without secrets, no network, no capabilities")
    .one("--workspace <dir>", "the directory that it may change, and starts in")
    .many("--allow-read <path>", "show a path that is hidden")
    .many("--allow-write <path>", "a further path that it may change")
    .one("--allow-net", "the host's network")
    .many("--allow-env <name>", "pass an environment variable on")
    .choice("--isolation <kind>", "landlock: where namespaces are forbidden", ["namespaces", "landlock"]);
}
