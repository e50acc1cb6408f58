import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

/** Whole commands of others that run /bin/true in `root`, as far as they are installed and work here. */
export function peers(root: string, directory: string): ReadonlyMap<string, readonly string[]> {
  const commands = new Map<string, readonly string[]>();
  const add = (name: string, command: readonly string[]) => {
    const [file = "", ...args] = command;
    const { status, stderr, error } = spawnSync(file, args, { encoding: "utf8" });
    if (status === 0) commands.set(name, command);
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
  const bundle = makeBundle(root, directory);
  if (!bundle) return commands;
  add("runc run", ["runc", "run", "--bundle", bundle, "libct-bench"]);
  // crun refuses hybrid cgroups: it gets a mount namespace with cgroup2 alone.
  const cgroup2 = "mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup";
  const script = `${cgroup2} && exec crun run --bundle ${bundle} libct-bench`;
  add("crun run", ["unshare", "-m", "sh", "-c", script]);
  return commands;
}

/** runc's own default configuration, without a terminal, and without the cgroup mount that libct does not make either. */
function makeBundle(root: string, directory: string): string | undefined {
  const bundle = `${directory}/bundle`;
  mkdirSync(bundle);
  try {
    execFileSync("runc", ["spec"], { cwd: bundle });
  } catch (error) {
    console.log(`left out: runc, crun: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
  const config = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8"));
  config.process.terminal = false;
  config.process.args = ["/bin/true"];
  config.root.path = root;
  config.mounts = config.mounts.filter((mount: { type: string }) => mount.type !== "cgroup");
  writeFileSync(`${bundle}/config.json`, JSON.stringify(config));
  return bundle;
}

/** "NAME VERSION", or nothing. */
export function versionOf(program: string): string | undefined {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return stdout?.split("\n")[0];
}
