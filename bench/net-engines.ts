import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Enclave } from "../test/support/enclave.ts";
import { installed } from "../test/support/prerequisite.ts";

/** A container engine with an image "busybox", in namespaces of its own. */
export interface Engine {
  /** Runs `true` in a new container with a network of this kind, and waits until it has been removed. */
  run(network: string): Promise<void>;
  close(): Promise<void>;
}

/** An engine, or why there is none. */
export type OpenEngine = (directory: string, image: string) => Promise<Engine | string>;

const PATIENCE_MS = 30_000;
const CGROUP = `/libct-bench-${process.pid}`;

/** A dockerd with its own data, bridge and iptables rules. */
export async function openDocker(directory: string, image: string): Promise<Engine | string> {
  if (!installed("dockerd") || !installed("docker")) return "dockerd is not installed";
  const enclave = await Enclave.open();
  mkdirSync(directory);
  const client = ["docker", "-H", `unix://${directory}/socket`];
  const daemon = enclave.start([
    ...["dockerd", "-H", `unix://${directory}/socket`, "--pidfile", `${directory}/pid`, "--cgroup-parent", CGROUP],
    ...["--data-root", `${directory}/data`, "--exec-root", `${directory}/exec`],
  ]);
  const close = async () => {
    await end(daemon);
    await enclave.close();
    removeCgroups();
  };
  const fault = (await answers(daemon, [...client, "info"])) ?? failure([...client, "import", image, "busybox"]);
  if (fault !== undefined) {
    await close();
    return fault;
  }
  return { run: (network) => succeed([...client, "run", "--rm", `--network=${network}`, "busybox", "true"]), close };
}

/** A podman with netavark. Its containers have lower limits than it gives by default, which root without CAP_SYS_RESOURCE may not set. */
export async function openPodman(directory: string, image: string): Promise<Engine | string> {
  if (!installed("podman")) return "podman is not installed";
  const enclave = await Enclave.open();
  mkdirSync(directory);
  const configuration = `${directory}/containers.conf`;
  writeFileSync(
    configuration,
    '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n[network]\nnetwork_backend = "netavark"\n',
  );
  const at = (name: string) => `${directory}/${name}`;
  const places = ["--root", at("root"), "--runroot", at("runroot"), "--tmpdir", at("tmp")];
  const env = { CONTAINERS_CONF: configuration, HOME: directory };
  const podman = [
    ...[...enclave.entry({ env }), "podman", ...places, "--network-config-dir", at("net")],
    "--storage-driver=overlay",
  ];
  const close = async () => {
    await enclave.close();
    removeCgroups();
  };
  const fault = failure([...podman, "import", "--quiet", image, "busybox"]);
  if (fault !== undefined) {
    await close();
    return fault;
  }
  const run = [...podman, "run", "--rm", `--cgroup-parent=${CGROUP}`];
  return { run: (network) => succeed([...run, `--network=${network}`, "busybox", "true"]), close };
}

async function answers(daemon: ChildProcess, question: readonly string[]): Promise<string | undefined> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const fault = failure(question);
    if (fault === undefined) return undefined;
    if (daemon.exitCode !== null || Date.now() > deadline) return `it does not start: ${fault}`;
    await pause(100);
  }
}

/** Why a command does not succeed, if it does not. */
export function failure([file = "", ...words]: readonly string[]): string | undefined {
  try {
    execFileSync(file, words, { stdio: ["ignore", "ignore", "pipe"] });
    return undefined;
  } catch (error) {
    return (error as Error).message.trim();
  }
}

/** A whole command, until it has ended. */
export async function succeed([file = "", ...words]: readonly string[]): Promise<void> {
  const child = spawn(file, words, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error(`${file} ${words.join(" ")}: status ${status}: ${said}`);
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null) return;
  const ended = once(daemon, "exit");
  daemon.kill("SIGTERM");
  await ended;
}

/** The engines leave the parent of their containers' cgroups. */
function removeCgroups(): void {
  const hierarchies = ["", ...readdirSync("/sys/fs/cgroup").map((name) => `/${name}`)];
  for (const hierarchy of hierarchies) {
    const parent = `/sys/fs/cgroup${hierarchy}${CGROUP}`;
    if (!existsSync(parent)) continue;
    for (const entry of readdirSync(parent, { withFileTypes: true })) {
      if (entry.isDirectory()) rmdirSync(`${parent}/${entry.name}`);
    }
    rmdirSync(parent);
  }
}
