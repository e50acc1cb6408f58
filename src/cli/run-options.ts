import { statSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { hostRoot, image, overlay } from "../fs/index.ts";
import type { RunOptions, SandboxOptions } from "../host/index.ts";
import { absolutePath } from "../linux/index.ts";
import { type ContainerSpec, type Mount, type Namespace, parseSize } from "../spec/index.ts";
import { parseCapabilities } from "./capabilities.ts";
import { hostDevice, parseDevice } from "./device-syntax.ts";
import { parseEnv } from "./env.ts";
import type { RunFlags } from "./flags.ts";
import { healthOptions } from "./health-options.ts";
import { isolationOptions } from "./isolation-options.ts";
import { parseBind, parseMount, parseTmpfs } from "./mount-syntax.ts";
import { parseInteger, parseUlimit, wrong } from "./parse.ts";
import { pidsOption, resourceOptions } from "./resource-options.ts";
import { securityOptions } from "./security-options.ts";
import type { Terminal } from "./terminal.ts";

/** What the meaning of flags depends on. */
export interface FlagContext {
  readonly privileged: boolean;
  /** What `--cap-add ALL` is without a user namespace. */
  readonly capabilities: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal | undefined;
  readonly network?: NetworkOptions;
}

/** Interfaces, or whose network it is. */
export interface NetworkOptions extends Pick<RunOptions, "network" | "nics" | "ports" | "dns" | "hosts"> {
  readonly joined?: readonly Namespace[];
}

/** What the words of a command line mean for the API. Looks only at the files that they name. */
export function runOptions(flags: RunFlags, { root, image }: RootWords, context: FlagContext): RunOptions {
  const { network, joined, ...networks } = context.network ?? {};
  const isolation = isolationOptions(flags, context.privileged, { network, joined });
  const options: RunOptions = {
    ...processOptions(flags, context),
    ...isolation,
    ...mountOptions(flags),
    ...capabilityOptions(flags, isolation.userNamespace ?? !context.privileged, context),
    ...securityOptions(flags),
    ...healthOptions(flags),
  };
  if (flags.sandbox) {
    if (image !== undefined || (root !== undefined && root !== "host"))
      throw usage("--sandbox is over the host's root and takes no other ROOT");
    for (const [flag, given] of NOT_SANDBOX) if (given(flags)) throw usage(`${flag} and --sandbox exclude each other`);
    return { ...withoutNetwork(options), sandbox: sandboxOptions(flags, network) };
  }
  for (const [flag, given] of ONLY_SANDBOX) if (given(flags)) throw usage(`${flag} is for the sandbox: add --sandbox`);
  const rest = { ...networks, ...resourceOptions(flags) };
  if (image === undefined) {
    for (const [flag, given] of ONLY_IMAGE) if (given(flags)) throw usage(`${flag} is for images`);
    return { ...options, root: rootOption(flags, root), ...rest };
  }
  for (const [flag, given] of NOT_IMAGE) if (given(flags)) throw usage(`${flag} and an image exclude each other`);
  return { ...options, ...rest };
}

/** What stands before the command: one of them, or nothing. */
export interface RootWords {
  readonly root?: string | undefined;
  readonly image?: string | undefined;
}

const usage = (message: string) => new LibctError("ERR_CT_USAGE", message);

/** As the store has it. */
const isVolumeName = (name: string): boolean => /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(name);

type Flag = readonly [flag: string, given: (flags: RunFlags) => boolean];

/** A sandbox has a root of its own, and its limits are those of memory and processes. */
const NOT_SANDBOX: readonly Flag[] = [
  ["--lower", ({ lower }) => lower.length > 0],
  ["--upper", ({ upper }) => upper !== undefined],
  ["--nic", ({ nic }) => nic.length > 0],
  ["--publish", ({ publish }) => publish.length > 0],
  ["--dns", ({ dns, dnsSearch, dnsOption }) => dns.length + dnsSearch.length + dnsOption.length > 0],
  ["--add-host", ({ addHost }) => addHost.length > 0],
  ["--memory-swap", ({ memorySwap }) => memorySwap !== undefined],
  ["--memory-reservation", ({ memoryReservation }) => memoryReservation !== undefined],
  ["--cpus", ({ cpus }) => cpus !== undefined],
  ["--cpu-shares", ({ cpuShares }) => cpuShares !== undefined],
  ["--cpu-quota", ({ cpuQuota }) => cpuQuota !== undefined],
  ["--cpu-period", ({ cpuPeriod }) => cpuPeriod !== undefined],
  ["--cpuset-cpus", ({ cpusetCpus }) => cpusetCpus !== undefined],
  ["--cpuset-mems", ({ cpusetMems }) => cpusetMems !== undefined],
  ["--blkio-weight", ({ blkioWeight }) => blkioWeight !== undefined],
  ["--device-read-bps", ({ deviceReadBps }) => deviceReadBps.length > 0],
  ["--device-write-bps", ({ deviceWriteBps }) => deviceWriteBps.length > 0],
  ["--device-read-iops", ({ deviceReadIops }) => deviceReadIops.length > 0],
  ["--device-write-iops", ({ deviceWriteIops }) => deviceWriteIops.length > 0],
  ["--cgroup-parent", ({ cgroupParent }) => cgroupParent !== undefined],
  ["--cgroup-driver", ({ cgroupDriver }) => cgroupDriver !== undefined],
];

const ONLY_SANDBOX: readonly Flag[] = [
  ["--workspace", ({ workspace }) => workspace !== undefined],
  ["--allow-read", ({ allowRead }) => allowRead.length > 0],
  ["--allow-write", ({ allowWrite }) => allowWrite.length > 0],
  ["--allow-net", ({ allowNet }) => allowNet ?? false],
  ["--allow-env", ({ allowEnv }) => allowEnv.length > 0],
  ["--isolation", ({ isolation }) => isolation !== undefined],
];

const ONLY_IMAGE: readonly Flag[] = [
  ["--entrypoint", ({ entrypoint }) => entrypoint !== undefined],
  ["--storage", ({ storage }) => storage !== undefined],
  ["--pull", ({ pull }) => pull !== undefined],
  ["--platform", ({ platform }) => platform !== undefined],
  ["--publish-all", ({ publishAll }) => publishAll ?? false],
];

const NOT_IMAGE: readonly Flag[] = [
  ["--lower", ({ lower }) => lower.length > 0],
  ["--upper", ({ upper }) => upper !== undefined],
];

/** A sandbox's network is its own option. */
function withoutNetwork({ network: _, ...options }: RunOptions): RunOptions {
  return options;
}

function rootOption(flags: RunFlags, root: string | undefined): NonNullable<ContainerSpec["root"]> {
  const upper = flags.upper === undefined ? {} : { upper: flags.upper };
  if (flags.lower.length > 0) {
    if (root !== undefined) throw usage("--lower takes the place of ROOT: give one of them");
    return overlay({ lower: flags.lower, ...upper });
  }
  if (root === undefined || root === "host") {
    if (flags.upper === undefined) return hostRoot();
    throw usage("--upper needs a directory as ROOT, or --lower: changes to the host's root are not kept");
  }
  const stat = statSync(root, { throwIfNoEntry: false });
  if (!stat) throw usage(`ROOT ${JSON.stringify(root)} does not exist`);
  if (flags.upper !== undefined) return overlay({ lower: [root], ...upper });
  return stat.isFile() ? image(root) : root;
}

function processOptions(flags: RunFlags, { env: own, terminal }: FlagContext): RunOptions {
  const env = parseEnv(flags.env, flags.envFile, own);
  if (flags.tty) env.TERM ??= own.TERM ?? "xterm";
  const size = flags.tty && terminal ? { consoleSize: { height: terminal.rows, width: terminal.columns } } : {};
  return {
    ...(flags.tty ? { terminal: true, ...size } : {}),
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(flags.workdir === undefined ? {} : { cwd: containerPath("--workdir", flags.workdir) }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.ulimit.length > 0 ? { rlimits: rlimitOptions(flags.ulimit) } : {}),
    ...(flags.oomScoreAdj === undefined
      ? {}
      : { oomScoreAdj: parseInteger("--oom-score-adj", flags.oomScoreAdj, -1000, 1000) }),
    ...(flags.personality === undefined ? {} : { personality: flags.personality }),
  };
}

/** A later one of the same name replaces an earlier one. */
const rlimitOptions = (words: readonly string[]) => [
  ...new Map(words.map(parseUlimit).map((limit) => [limit.type, limit])).values(),
];

function containerPath(flag: string, path: string): string {
  if (path.startsWith("/")) return path;
  throw wrong(flag, path, "a path of the container, from / on");
}

function mountOptions(flags: RunFlags): RunOptions {
  const given = flags.device.map((word) => parseDevice(word, hostDevice));
  const mounts = [
    ...flags.bind.map((word) => withSource("--bind", word, parseBind(word, absolutePath))),
    ...flags.tmpfs.map(parseTmpfs),
    ...flags.mount.map((word) => {
      const mount = parseMount(word, absolutePath);
      return mount.type === "volume" ? mount : withSource("--mount", word, mount);
    }),
    ...given.flatMap((one) => ("mount" in one ? [one.mount] : [])),
  ];
  const devices = given.flatMap((one) => ("device" in one ? [one.device] : []));
  return { ...(mounts.length > 0 ? { mounts } : {}), ...(devices.length > 0 ? { devices } : {}) };
}

/** Unlike docker, which makes a directory of a mistyped name. */
function withSource(flag: string, word: string, mount: Mount): Mount {
  if (mount.type === "volume") return withoutDoubt(flag, word, mount);
  if (mount.type !== "bind" || mount.source === undefined) return mount;
  try {
    statSync(mount.source);
    return mount;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const said = code === "ENOENT" ? "does not exist" : `cannot be looked at: ${code}`;
    const message = `${flag} ${JSON.stringify(word)}: the source ${mount.source} ${said}`;
    throw new LibctError("ERR_CT_USAGE", message, { path: mount.source, errno: code, cause });
  }
}

/** A file of the same name was most likely meant by who does not know volumes. */
function withoutDoubt(flag: string, word: string, mount: Mount): Mount {
  const { source = "" } = mount;
  if (isVolumeName(source) && !statSync(source, { throwIfNoEntry: false })) return mount;
  const said = isVolumeName(source)
    ? "is a volume's name, and there is a file or directory of that name here"
    : "is no name of a volume";
  throw new LibctError("ERR_CT_USAGE", `${flag} ${JSON.stringify(word)}: ${JSON.stringify(source)} ${said}`, {
    hint: `./${source} is a path; --mount type=volume,source=NAME,... is always a volume`,
  });
}

function capabilityOptions(flags: RunFlags, userNamespace: boolean, { capabilities }: FlagContext): RunOptions {
  if (flags.capAdd.length === 0 && flags.capDrop.length === 0) return {};
  // A new user namespace's first process has all that there are (user_namespaces(7)).
  const set = parseCapabilities(flags.capAdd, flags.capDrop, userNamespace ? undefined : capabilities);
  return { capabilities: { bounding: set, effective: set, permitted: set } };
}

function sandboxOptions(flags: RunFlags, network: RunOptions["network"]): SandboxOptions {
  const pids = pidsOption(flags);
  return {
    ...(flags.workspace === undefined ? {} : { workspace: flags.workspace }),
    allowRead: flags.allowRead,
    allowWrite: flags.allowWrite,
    network: flags.allowNet ?? network === "host",
    allowEnv: flags.allowEnv,
    ...(flags.isolation === undefined ? {} : { isolation: flags.isolation }),
    ...(flags.memory === undefined ? {} : { memory: parseSize(flags.memory, "--memory") }),
    ...(pids === undefined ? {} : { pids }),
  };
}
