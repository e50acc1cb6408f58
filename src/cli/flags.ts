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
  readonly ns: readonly string[];
  readonly shareNs: readonly string[];
  readonly userns?: "auto" | "identity" | "none";
  readonly uidMap: readonly string[];
  readonly gidMap: readonly string[];
  readonly lower: readonly string[];
  readonly upper?: string;
  readonly rootMode?: "pivot" | "move" | "chroot";
  readonly tty?: true;
  readonly interactive?: true;
  readonly oomScoreAdj?: string;
  readonly personality?: string;
  readonly landlockRead: readonly string[];
  readonly landlockWrite: readonly string[];
  readonly timeout?: string;
  readonly maxOutput?: string;
  readonly memory?: string;
  readonly pids?: string;
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

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];
const NONE: readonly string[] = [];

/** Adds what `run` and `explain` have in common. */
export function withRunFlags(command: Command): Command {
  const many = (flags: string, text: string) => command.option(flags, text, collect, NONE);
  command
    .argument(
      "[ROOT]",
      'a directory, a file with a filesystem, or "host" (default): this machine\'s root with a layer for changes that vanishes',
    )
    .argument("[COMMAND...]")
    .usage("[options] [ROOT] -- COMMAND...")
    .passThroughOptions();
  command.optionsGroup("Root and mounts:").option("--read-only", "make the root read-only");
  many("--lower <dir>", "overlay: a lower directory, topmost first (in place of ROOT)");
  command.option("--upper <dir>", "overlay: keep changes here");
  command.addOption(new Option("--root-mode <mode>", "how the root is entered").choices(["pivot", "move", "chroot"]));
  many("-v, --bind <source:destination[:options]>", "show a file or directory of the host");
  many("--tmpfs <destination[:options]>", "mount a tmpfs");
  many("--mount <spec>", "mount anything: type=...,source=...,target=...[,readonly][,OPTION...]");
  many("--device <host[:container]>", "give a device of the host");

  command.optionsGroup("Process:");
  command
    .option("-t, --tty", "give it a terminal")
    .option("-i, --interactive", "pass the terminal's input on without -t");
  command
    .option("-w, --workdir <dir>", "working directory")
    .option("-u, --user <user[:group]>", "ids, or names of the container's passwd");
  many("-e, --env <name[=value]>", "set an environment variable");
  many("--env-file <file>", "set those in a file");
  many("--ulimit <name=soft[:hard]>", "set a resource limit");
  command
    .option("--oom-score-adj <n>", "-1000 to 1000")
    .addOption(new Option("--personality <p>", "execution domain").choices(["LINUX", "LINUX32"]));

  command
    .optionsGroup("Isolation:")
    .option("--name <name>", "name the container")
    .option("--hostname <name>", "its host name");
  command.addOption(new Option("--net <kind>", "network").choices(["none", "host"]));
  many("--ns <type[=path]>", "a further new namespace, or one to join");
  many("--share-ns <type>", "no namespace of that type: share the host's");
  command.addOption(new Option("--userns <kind>", "user namespace").choices(["auto", "identity", "none"]));
  many("--uid-map <container:host:size>", "map user ids");
  many("--gid-map <container:host:size>", "map group ids");
  many("--sysctl <name=value>", "set a kernel parameter of its namespaces");
  many("--cap-add <capability>", "give a capability, or ALL");
  many("--cap-drop <capability>", "take a capability, or ALL");
  many(
    "--security-opt <option>",
    "seccomp=default|unconfined|FILE, no-new-privileges[=false], apparmor=PROFILE, label=LABEL",
  );
  many("--landlock-read <path>", "Landlock: allow reading below, and nothing that is not allowed");
  many("--landlock-write <path>", "Landlock: allow writing below");

  command.optionsGroup("Limits:").option("--timeout <time>", "kill it after so long: 30s, 1m30s");
  command.option("--memory <size>", "limit of memory").option("--pids <n>", "limit of processes");
  command.option("--max-output <size>", "kill it when it writes more");

  command
    .optionsGroup("Sandbox, for code that is not trusted:")
    .option("--sandbox", "the host's root read-only and without secrets, no network, no capabilities");
  command.option("--workspace <dir>", "the directory that it may change, and starts in");
  many("--allow-read <path>", "show a path that is hidden");
  many("--allow-write <path>", "a further path that it may change");
  command.option("--allow-net", "the host's network");
  many("--allow-env <name>", "pass an environment variable on");
  command.addOption(
    new Option("--isolation <kind>", "landlock: where namespaces are forbidden").choices(["namespaces", "landlock"]),
  );
  return command.optionsGroup("Other:").option("--rm", "remove it afterwards (always done)");
}
