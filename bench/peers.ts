import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

/** A whole command, and the words of what it must be run in: that is started once, so its time is not counted. */
export interface Peer {
  readonly command: readonly string[];
  readonly within: readonly string[];
}

/** Whole commands of others that run /bin/true in `root`, as far as they are installed and work here. */
export function peers(root: string, directory: string): ReadonlyMap<string, Peer> {
  const commands = new Map<string, Peer>();
  const add = (name: string, command: readonly string[], within: readonly string[] = []) => {
    const [file = "", ...args] = [...within, ...command];
    const { status, stderr, error } = spawnSync(file, args, { encoding: "utf8" });
    if (status === 0) commands.set(name, { command, within });
    else console.log(`left out: ${name}: ${(error?.message ?? stderr).trim().split("\n")[0]}`);
  };
  add("bwrap --unshare-all", [
    "bwrap",
    "--unshare-all",
    "--bind",
    root,
    "/",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "true",
  ]);
  const config = defaultConfig(directory);
  if (!config) return commands;
  config.root.path = root;
  add("runc run", ["runc", "run", "--bundle", makeBundle(directory, "runc", config), "libct-bench"]);
  // crun refuses hybrid cgroups: it gets a mount namespace with cgroup2 alone.
  const cgroup2 = "mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup";
  const within = ["unshare", "-m", "sh", "-c", `${cgroup2} && exec "$@"`, "sh"];
  // Rules for devices are a BPF program there, for which crun raises RLIMIT_MEMLOCK: not everybody may (CAP_SYS_RESOURCE).
  const { resources: _, ...linux } = config.linux;
  const simple = makeBundle(directory, "crun", { ...config, linux });
  add("crun run, no device rules", ["crun", "run", "--bundle", simple, "libct-bench-crun"], within);
  return commands;
}

interface Config {
  readonly process: Record<string, unknown>;
  readonly root: Record<string, unknown>;
  readonly linux: Record<string, unknown>;
  mounts: readonly { readonly type: string }[];
}

/** runc's own default configuration, without a terminal, and without the cgroup mount that libct does not make either. */
function defaultConfig(directory: string): Config | undefined {
  try {
    execFileSync("runc", ["spec"], { cwd: directory });
  } catch (error) {
    console.log(`left out: runc, crun: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
  const config: Config = JSON.parse(readFileSync(`${directory}/config.json`, "utf8"));
  config.process.terminal = false;
  config.process.args = ["/bin/true"];
  config.mounts = config.mounts.filter(({ type }) => type !== "cgroup");
  return config;
}

function makeBundle(directory: string, name: string, config: Config): string {
  const bundle = `${directory}/${name}`;
  mkdirSync(bundle);
  writeFileSync(`${bundle}/config.json`, JSON.stringify(config));
  return bundle;
}

/** "NAME VERSION", or nothing. */
export function versionOf(program: string): string | undefined {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return stdout?.split("\n")[0];
}
