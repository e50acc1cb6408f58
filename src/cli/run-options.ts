import { lstatSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { LibctError } from "../errors.ts";
import { hostRoot, image, overlay } from "../fs/index.ts";
import type { Caller, RunOptions, SandboxOptions } from "../host/index.ts";
import {
  type ContainerSpec,
  type Device,
  NAMESPACE_TYPES,
  type Namespace,
  type NamespaceType,
  parseSize,
  standard,
} from "../spec/index.ts";
import type { RunFlags } from "./flags.ts";
import { parseBind, parseMount, parseTmpfs } from "./mount-syntax.ts";
import {
  parseCapabilities,
  parseDevice,
  parseEnv,
  parseIdMap,
  parseSysctl,
  parseUlimit,
  readText,
  wrong,
} from "./parse.ts";
import { windowSize } from "./window-size.ts";

type Options = { -readonly [K in keyof RunOptions]: RunOptions[K] };

/** What the words of a command line mean for the API. Looks only at the files that they name. */
export function runOptions(flags: RunFlags, root: string | undefined, caller: Pick<Caller, "privileged">): RunOptions {
  const options: Options = {
    ...processOptions(flags),
    ...isolationOptions(flags, caller),
    ...mountOptions(flags),
    ...security(flags),
  };
  if (flags.timeout !== undefined) options.timeout = flags.timeout;
  if (flags.maxOutput !== undefined) options.maxOutput = flags.maxOutput;
  if (flags.sandbox) {
    if (root !== undefined) throw new LibctError("ERR_CT_USAGE", "--sandbox is over the host's root: it takes no ROOT");
    return { ...options, sandbox: sandboxOptions(flags) };
  }
  refuseWithoutSandbox(flags);
  options.root = rootOption(flags, root);
  const resources = resourceOptions(flags);
  if (resources) options.resources = resources;
  return options;
}

function rootOption(flags: RunFlags, root: string | undefined): NonNullable<ContainerSpec["root"]> {
  if (flags.lower.length > 0) {
    if (root !== undefined) throw new LibctError("ERR_CT_USAGE", "--lower takes the place of ROOT: give one of them");
    return overlay({ lower: flags.lower, ...(flags.upper === undefined ? {} : { upper: flags.upper }) });
  }
  if (root === undefined || root === "host") return hostRoot();
  if (flags.upper !== undefined) return overlay({ lower: [root], upper: flags.upper });
  return statSync(root, { throwIfNoEntry: false })?.isFile() ? image(root) : root;
}

function processOptions(flags: RunFlags): Partial<Options> {
  const env = parseEnv(flags.env, flags.envFile, process.env);
  const options: Partial<Options> = {};
  if (flags.tty) {
    options.terminal = true;
    env.TERM ??= process.env.TERM ?? "xterm";
    const size = windowSize();
    if (size) options.consoleSize = size;
  }
  if (Object.keys(env).length > 0) options.env = env;
  if (flags.workdir !== undefined) options.cwd = flags.workdir;
  if (flags.user !== undefined) options.user = flags.user;
  if (flags.ulimit.length > 0) options.rlimits = flags.ulimit.map(parseUlimit);
  if (flags.oomScoreAdj !== undefined) options.oomScoreAdj = integer("--oom-score-adj", flags.oomScoreAdj);
  if (flags.personality !== undefined) options.personality = flags.personality as "LINUX" | "LINUX32";
  return options;
}

function isolationOptions(flags: RunFlags, caller: Pick<Caller, "privileged">): Partial<Options> {
  const options: Partial<Options> = {};
  if (flags.name !== undefined) options.name = flags.name;
  if (flags.hostname !== undefined) options.hostname = flags.hostname;
  if (flags.net !== undefined) options.network = flags.net;
  if (flags.readOnly) options.readonlyRoot = true;
  if (flags.rootMode !== undefined) options.rootMode = flags.rootMode;
  if (flags.sysctl.length > 0) options.sysctl = parseSysctl(flags.sysctl);
  const maps = {
    uid: flags.uidMap.map((word) => parseIdMap("--uid-map", word)),
    gid: flags.gidMap.map((word) => parseIdMap("--gid-map", word)),
  };
  const mapped = maps.uid.length > 0 || maps.gid.length > 0;
  const userNamespace = flags.userns === undefined ? mapped || !caller.privileged : flags.userns !== "none";
  if (mapped || flags.userns !== undefined) options.userNamespace = userNamespace;
  if (mapped) {
    options.uidMappings = maps.uid.length > 0 ? maps.uid : maps.gid;
    options.gidMappings = maps.gid.length > 0 ? maps.gid : maps.uid;
  } else if (flags.userns === "identity") {
    options.uidMappings = "identity";
    options.gidMappings = "identity";
  }
  if (flags.ns.length > 0 || flags.shareNs.length > 0) options.namespaces = namespaceOptions(flags, userNamespace);
  return options;
}

function namespaceOptions(flags: RunFlags, userNamespace: boolean): readonly Namespace[] {
  const base = standard({ userNamespace, network: flags.net ?? "none" }).namespaces ?? [];
  const namespaces = new Map<NamespaceType, Namespace>();
  for (const one of base) if (typeof one === "string") namespaces.set(one, { type: one });
  for (const word of flags.shareNs) namespaces.delete(namespaceType("--share-ns", word));
  for (const word of flags.ns) {
    const [name = "", path] = word.split("=");
    const type = namespaceType("--ns", name);
    namespaces.set(type, path === undefined ? { type } : { type, path });
  }
  return [...namespaces.values()];
}

function namespaceType(flag: string, word: string): NamespaceType {
  const type = NAMESPACE_TYPES.find((known) => known === word || (word === "net" && known === "network"));
  if (!type) throw wrong(flag, word, `one of ${NAMESPACE_TYPES.join(", ")}`);
  return type;
}

function mountOptions(flags: RunFlags): Partial<Options> {
  const absolute = (path: string) => resolve(path);
  const mounts = [
    ...flags.bind.map((word) => parseBind(word, absolute)),
    ...flags.tmpfs.map(parseTmpfs),
    ...flags.mount.map((word) => parseMount(word, absolute)),
  ];
  const devices = flags.device.map((word) => parseDevice(word, hostDevice));
  return { ...(mounts.length > 0 ? { mounts } : {}), ...(devices.length > 0 ? { devices } : {}) };
}

/** What the host's device node is. */
function hostDevice(path: string): Omit<Device, "path"> | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat || !(stat.isCharacterDevice() || stat.isBlockDevice())) return undefined;
  const type = stat.isCharacterDevice() ? "c" : "b";
  // The inverse of makedev (include/linux/kdev_t.h, new_decode_dev).
  const [major, minor] = [(stat.rdev & 0xfff00) >> 8, (stat.rdev & 0xff) | ((stat.rdev >> 12) & 0xfff00)];
  return { type, major, minor, fileMode: stat.mode & 0o777, uid: stat.uid, gid: stat.gid };
}

function security(flags: RunFlags): Partial<Options> {
  const options: Partial<Options> = {};
  if (flags.capAdd.length > 0 || flags.capDrop.length > 0) {
    const set = parseCapabilities(flags.capAdd, flags.capDrop);
    options.capabilities = { bounding: set, effective: set, permitted: set };
  }
  for (const word of flags.securityOpt) Object.assign(options, securityOption(word));
  if (flags.landlockRead.length > 0 || flags.landlockWrite.length > 0) {
    options.landlock = { readOnly: flags.landlockRead, readWrite: flags.landlockWrite };
  }
  return options;
}

function securityOption(word: string): Partial<Options> {
  const at = word.search(/[=:]/);
  const [key, value] = at < 0 ? [word, "true"] : [word.slice(0, at), word.slice(at + 1)];
  if (key === "seccomp")
    return { seccomp: value === "default" || value === "unconfined" ? value : seccompProfile(value) };
  if (key === "no-new-privileges" && (value === "true" || value === "false"))
    return { noNewPrivileges: value === "true" };
  if (key === "apparmor") return { apparmorProfile: value };
  if (key === "label") return { selinuxLabel: value };
  throw wrong(
    "--security-opt",
    word,
    "seccomp=default|unconfined|FILE, no-new-privileges[=false], apparmor=PROFILE or label=LABEL",
  );
}

function seccompProfile(file: string): Exclude<RunOptions["seccomp"], undefined> {
  try {
    return JSON.parse(readText("--security-opt", file));
  } catch (cause) {
    if (cause instanceof LibctError) throw cause;
    throw new LibctError(
      "ERR_CT_USAGE",
      `--security-opt seccomp=${file}: ${cause instanceof Error ? cause.message : "not JSON"}`,
      { path: file, cause },
    );
  }
}

function resourceOptions(flags: RunFlags): ContainerSpec["resources"] {
  if (flags.memory === undefined && flags.pids === undefined) return undefined;
  return {
    ...(flags.memory === undefined ? {} : { memory: { limit: parseSize(flags.memory, "--memory") } }),
    ...(flags.pids === undefined ? {} : { pids: { limit: integer("--pids", flags.pids) } }),
  };
}

function sandboxOptions(flags: RunFlags): SandboxOptions {
  return {
    ...(flags.workspace === undefined ? {} : { workspace: flags.workspace }),
    allowRead: flags.allowRead,
    allowWrite: flags.allowWrite,
    network: flags.allowNet ?? flags.net === "host",
    allowEnv: flags.allowEnv,
    ...(flags.isolation === undefined ? {} : { isolation: flags.isolation }),
    ...(flags.memory === undefined ? {} : { memory: flags.memory }),
    ...(flags.pids === undefined ? {} : { pids: integer("--pids", flags.pids) }),
  };
}

function refuseWithoutSandbox(flags: RunFlags): void {
  const given = [
    ["--workspace", flags.workspace !== undefined],
    ["--allow-read", flags.allowRead.length > 0],
    ["--allow-write", flags.allowWrite.length > 0],
    ["--allow-net", flags.allowNet],
    ["--allow-env", flags.allowEnv.length > 0],
    ["--isolation", flags.isolation !== undefined],
  ].find(([, isGiven]) => isGiven);
  if (given) throw new LibctError("ERR_CT_USAGE", `${given[0]} is for the sandbox: add --sandbox`);
}

function integer(flag: string, word: string): number {
  if (!/^-?\d+$/.test(word)) throw wrong(flag, word, "a whole number");
  return Number(word);
}
