import { mkdtempSync, rmSync } from "node:fs";
import { invalid } from "../errors.ts";
import { sandboxRoot } from "../fs/index.ts";
import { type Mount, type ProcessSpec, type Resources, STANDARD_DEVICES, standard } from "../spec/index.ts";
import type { Caller } from "./caller.ts";
import { mergeMounts, type RunOptions, type RunPlan } from "./run-options.ts";
import { sandboxLimits } from "./sandbox-limits.ts";
import type { SandboxOptions } from "./sandbox-options.ts";
import {
  childrenExcept,
  isDirectory,
  realPath,
  type SandboxPaths,
  sandboxPaths,
  secretPaths,
  statOf,
} from "./sandbox-paths.ts";
import { withoutSockets } from "./sandbox-seccomp.ts";
import { HIDDEN_ON_SYSTEM, PASSED_ENV } from "./secrets.ts";

export function planSandbox(
  caller: Caller,
  args: readonly string[],
  options: RunOptions,
  sandbox: SandboxOptions,
): RunPlan {
  refuseOthers(options, sandbox);
  const paths = sandboxPaths(sandbox);
  const limits = sandboxLimits(caller, sandbox);
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

const RUN_OPTIONS = ["sandbox", "input", "timeout", "maxOutput", "signal", "stdin", "stdout", "stderr", "name"];
const WITH_LANDLOCK = [...RUN_OPTIONS, "env", "cwd", "rlimits", "terminal", "consoleSize"];
const WITH_NAMESPACES = [...WITH_LANDLOCK, "hostname", "mounts", "seccomp"];

/** An option that a sandbox does not follow is an error: the caller believes that it holds. */
function refuseOthers(options: RunOptions, sandbox: SandboxOptions): void {
  const { isolation } = sandbox;
  if (isolation !== undefined && isolation !== "namespaces" && isolation !== "landlock") {
    throw invalid("sandbox.isolation", isolation, '"namespaces" or "landlock"');
  }
  const followed = isolation === "landlock" ? WITH_LANDLOCK : WITH_NAMESPACES;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || followed.includes(name)) continue;
    const what =
      isolation === "landlock" ? 'no such option with sandbox.isolation "landlock"' : "no such option with sandbox";
    throw invalid(name, value, what, name === "network" ? "use sandbox.network" : "the sandbox decides that itself");
  }
}

function planNamespaces(
  process: ProcessSpec,
  resources: Resources | undefined,
  options: RunOptions,
  sandbox: SandboxOptions,
  paths: SandboxPaths,
): RunPlan {
  const network = sandbox.network ? "host" : "none";
  const base = standard({ userNamespace: true, network, ttyGroup: false });
  const mounts = [...(base.mounts ?? []), ...sandboxMounts(paths)];
  return {
    spec: {
      ...base,
      ...(options.name === undefined ? {} : { name: options.name }),
      root: sandboxRoot(),
      ...(resources ? { resources } : {}),
      uidMappings: "identity",
      gidMappings: "identity",
      hostname: options.hostname ?? "sandbox",
      mounts: mergeMounts(mounts, options.mounts ?? []),
      ...(options.seccomp === undefined ? {} : { seccomp: options.seccomp }),
    },
    process: { ...process, newSessionKeyring: true },
  };
}

/** What lies over the read-only root. The deeper path decides: a secret in the workspace stays hidden, an allowed path in a hidden home can be seen. */
function sandboxMounts(paths: SandboxPaths): readonly Mount[] {
  const shown = [
    ...paths.read.flatMap((path) => atBothPaths(path, ["rbind", "rro", "nosuid", "nodev"])),
    ...[...(paths.workspace ? [paths.workspace] : []), ...paths.write].flatMap((path) =>
      atBothPaths(path, ["rbind", "nosuid", "nodev"]),
    ),
  ];
  const allowed = new Set(shown.map(({ destination }) => destination));
  const temporary = ["/tmp", "/var/tmp", "/run"].filter(isDirectory).map(privateDirectory);
  const hidden = secretPaths()
    .filter((path) => !allowed.has(path))
    .map(hide);
  const depth = ({ destination }: Mount) => destination.split("/").length;
  return [...temporary, ...hidden, ...shown].sort((a, b) => depth(a) - depth(b));
}

/** Where it really is, and where the caller says: one of them may lie in a directory that is private here. */
const atBothPaths = (source: string, options: readonly string[]): Mount[] =>
  [...new Set([realPath(source), source])].map((destination) => ({ destination, source, type: "bind", options }));

const privateDirectory = (destination: string): Mount => ({
  destination,
  type: "tmpfs",
  source: "tmpfs",
  options: ["nosuid", "nodev", "mode=1777"],
});

/** An empty directory or /dev/null over what holds secrets. */
function hide(destination: string): Mount {
  if (!isDirectory(destination)) return { destination, source: "/dev/null", type: "bind", options: ["bind"] };
  const options = ["nosuid", "nodev", "noexec", "mode=755", "size=1m"];
  return { destination, type: "tmpfs", source: "tmpfs", options };
}

const SYSTEM: readonly string[] = [
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

/** Only what is listed can be touched, so secrets are left out by not listing them. */
function planLandlock(
  process: ProcessSpec,
  resources: Resources | undefined,
  sandbox: SandboxOptions,
  paths: SandboxPaths,
): RunPlan {
  const temporary = mkdtempSync("/tmp/libct-sandbox-");
  const readOnly = [...SYSTEM, ...childrenExcept("/etc", HIDDEN_ON_SYSTEM), ...paths.read].filter(statOf);
  const devices = STANDARD_DEVICES.map(({ path }) => path).filter(statOf);
  const readWrite = [...(paths.workspace ? [paths.workspace] : []), ...paths.write, temporary, ...devices];
  return {
    spec: { ...(resources ? { resources } : {}), seccomp: sandbox.network ? "default" : withoutSockets() },
    process: {
      ...process,
      env: { ...process.env, TMPDIR: temporary },
      landlock: { readOnly, readWrite },
    },
    release: () => rmSync(temporary, { recursive: true, force: true }),
  };
}

function filterEnv(allowed: readonly string[]): Readonly<Record<string, string>> {
  const passes = (name: string) => allowed.includes(name) || PASSED_ENV.some((pattern) => pattern.test(name));
  const env = Object.entries(globalThis.process.env).filter(
    (entry): entry is [string, string] => passes(entry[0]) && entry[1] !== undefined,
  );
  return Object.fromEntries(env);
}
