import { lstatSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { defaultSeccomp } from "../compile/index.ts";
import { invalid } from "../errors.ts";
import { hostArch } from "../executor/index.ts";
import { sandboxRoot } from "../fs/index.ts";
import {
  type Mount,
  type ProcessSpec,
  parseSize,
  type Resources,
  type Rlimit,
  type Seccomp,
  STANDARD_DEVICES,
  standard,
} from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import { hasCgroups } from "./cgroups.ts";
import { mergeMounts, type RunOptions, type RunPlan } from "./run-options.ts";
import type { SandboxOptions } from "./sandbox-options.ts";
import { HIDDEN_IN_HOME, HIDDEN_ON_SYSTEM, PASSED_ENV } from "./secrets.ts";

export function planSandbox(caller: Caller, args: readonly string[], options: RunOptions, sandbox: SandboxOptions): RunPlan {
  const paths = {
    workspace: sandbox.workspace === undefined ? undefined : existing(sandbox.workspace, "sandbox.workspace"),
    read: (sandbox.allowRead ?? []).map((path, index) => existing(path, `sandbox.allowRead[${index}]`)),
    write: (sandbox.allowWrite ?? []).map((path, index) => existing(path, `sandbox.allowWrite[${index}]`)),
  };
  const limits = limitsOf(sandbox);
  const process: ProcessSpec = {
    args,
    env: { ...filterEnv(sandbox.allowEnv ?? []), ...options.env },
    cwd: options.cwd ?? paths.workspace ?? "/",
    // Without a user namespace only a privileged caller has something to give up.
    ...(sandbox.isolation !== "landlock" || caller.privileged ? { capabilities: {} } : {}),
    noNewPrivileges: true,
    rlimits: [...limits.rlimits, ...(options.rlimits ?? [])],
    ...(options.terminal === undefined ? {} : { terminal: options.terminal }),
    ...(options.consoleSize === undefined ? {} : { consoleSize: options.consoleSize }),
  };
  return sandbox.isolation === "landlock"
    ? planLandlock(process, limits.resources, sandbox, paths)
    : planNamespaces(process, limits.resources, options, sandbox, paths);
}

interface Paths {
  readonly workspace: string | undefined;
  readonly read: readonly string[];
  readonly write: readonly string[];
}

function planNamespaces(
  process: ProcessSpec,
  resources: Resources,
  options: RunOptions,
  sandbox: SandboxOptions,
  paths: Paths,
): RunPlan {
  const network = sandbox.network ? "host" : "none";
  const base = standard({ userNamespace: true, network, ttyGroup: false });
  const writable = [...(paths.workspace ? [paths.workspace] : []), ...paths.write];
  const mounts = [
    ...(base.mounts ?? []),
    ...["/tmp", "/var/tmp", "/run"].filter(isDirectory).map(privateDirectory),
    ...hiddenMounts(),
    ...paths.read.map(
      (path): Mount => ({
        destination: path,
        source: path,
        type: "bind",
        options: ["rbind", "rro", "nosuid", "nodev"],
      }),
    ),
    ...writable.map(
      (path): Mount => ({ destination: path, source: path, type: "bind", options: ["rbind", "nosuid", "nodev"] }),
    ),
  ];
  return {
    spec: {
      ...base,
      ...(options.name === undefined ? {} : { name: options.name }),
      root: sandboxRoot(),
      resources,
      uidMappings: "identity",
      gidMappings: "identity",
      hostname: options.hostname ?? "sandbox",
      mounts: mergeMounts(mounts, options.mounts ?? []),
      ...(options.seccomp === undefined ? {} : { seccomp: options.seccomp }),
    },
    process: { ...process, newSessionKeyring: true },
  };
}

const privateDirectory = (destination: string): Mount => ({
  destination,
  type: "tmpfs",
  source: "tmpfs",
  options: ["nosuid", "nodev", "mode=1777"],
});

/** Empty directories and /dev/null over what holds secrets. */
function hiddenMounts(): Mount[] {
  const home = homedir();
  const homes = ["/root", ...children("/home")].filter((path) => path !== home && isDirectory(path));
  const inHome = HIDDEN_IN_HOME.map((path) => `${home}/${path}`);
  const hidden = [...homes, ...inHome, ...HIDDEN_ON_SYSTEM].map((path) => ({ path, stat: statLink(path) }));
  return hidden.flatMap(({ path, stat }): Mount[] => {
    if (stat?.isDirectory()) {
      return [
        {
          destination: path,
          type: "tmpfs",
          source: "tmpfs",
          options: ["nosuid", "nodev", "noexec", "mode=755", "size=1m"],
        },
      ];
    }
    return stat?.isFile() ? [{ destination: path, source: "/dev/null", type: "bind", options: ["bind"] }] : [];
  });
}

/** Only what is listed can be touched, so secrets are left out by not listing them. */
function planLandlock(process: ProcessSpec, resources: Resources, sandbox: SandboxOptions, paths: Paths): RunPlan {
  const temporary = mkdtempSync("/tmp/libct-sandbox-");
  const system = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix",
    "/proc",
    "/sys/devices/system/cpu",
  ];
  const etc = children("/etc").filter((path) => !HIDDEN_ON_SYSTEM.includes(path));
  const readOnly = [...system, ...etc, ...paths.read].filter((path) => statTarget(path) !== undefined);
  const devices = STANDARD_DEVICES.map(({ path }) => path).filter((path) => statTarget(path) !== undefined);
  const readWrite = [...(paths.workspace ? [paths.workspace] : []), ...paths.write, temporary, ...devices];
  return {
    spec: { resources, seccomp: sandbox.network ? "default" : withoutSockets() },
    process: {
      ...process,
      env: { ...process.env, TMPDIR: temporary },
      landlock: { readOnly, readWrite, ...(sandbox.network ? {} : { bindTcp: [], connectTcp: [] }) },
    },
    release: () => rmSync(temporary, { recursive: true, force: true }),
  };
}

/** Landlock does not know UDP, nor who listens on a Unix socket: without network no socket can be made at all, but for pairs. */
function withoutSockets(): Seccomp {
  noSockets ??= (() => {
    const profile = defaultSeccomp(hostArch(), [], { major: 6, minor: 0 });
    const syscalls = (profile.syscalls ?? [])
      .map((rule) => ({ ...rule, names: rule.names.filter((name) => name !== "socket" && name !== "socketcall") }))
      .filter((rule) => rule.names.length > 0);
    return { ...profile, syscalls };
  })();
  return noSockets;
}
let noSockets: Seccomp | undefined;

/** Limits are kept by a cgroup where one can be made: for all processes together. Elsewhere by resource limits: memory for each process alone. */
function limitsOf(sandbox: SandboxOptions): { readonly resources: Resources; readonly rlimits: readonly Rlimit[] } {
  const { memory, pids } = sandbox;
  const bytes = memory === undefined ? undefined : parseSize(memory, "sandbox.memory");
  if (pids !== undefined && (!Number.isInteger(pids) || pids < 1)) {
    throw invalid("sandbox.pids", pids, "a number of processes from 1 on");
  }
  const resources: Resources = {
    ...(bytes === undefined ? {} : { memory: { limit: bytes } }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
  const core: Rlimit = { type: "RLIMIT_CORE", soft: 0, hard: 0 };
  if (hasCgroups(resources)) return { resources, rlimits: [core] };
  const data: Rlimit[] = bytes === undefined ? [] : [{ type: "RLIMIT_DATA", soft: bytes, hard: bytes }];
  const processes: Rlimit[] = pids === undefined ? [] : [{ type: "RLIMIT_NPROC", soft: pids, hard: pids }];
  return { resources: {}, rlimits: [core, ...data, ...processes] };
}

function filterEnv(allowed: readonly string[]): Readonly<Record<string, string>> {
  const passes = (name: string) => allowed.includes(name) || PASSED_ENV.some((pattern) => pattern.test(name));
  const env = Object.entries(globalThis.process.env).filter(
    (entry): entry is [string, string] => passes(entry[0]) && entry[1] !== undefined,
  );
  return Object.fromEntries(env);
}

function existing(path: string, member: string): string {
  const absolute = resolve(path);
  if (!statTarget(absolute)) throw invalid(member, path, "a path that exists");
  return absolute;
}

const statLink = (path: string) => quietly(() => lstatSync(path));
const statTarget = (path: string) => quietly(() => statSync(path));
const isDirectory = (path: string) => statLink(path)?.isDirectory() ?? false;
const children = (path: string): string[] => quietly(() => readdirSync(path).map((name) => `${path}/${name}`)) ?? [];

/** What cannot be looked at is not there for the sandbox either: its process has the same rights or fewer. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
