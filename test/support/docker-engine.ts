import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type Inventory, leftSince, takeInventory } from "./leaks.ts";
import { installed } from "./prerequisite.ts";

export interface EngineOptions {
  /** Further words for dockerd. */
  readonly flags?: readonly string[];
  /** Shell commands that run before it, as root in the namespaces of its own. */
  readonly prepare?: string;
  /** Namespaces beside that for the network, as flags of unshare(1). */
  readonly namespaces?: string;
}

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whether a Docker Engine can be started: Debian's docker.io, as root. */
export const hasDocker = installed("dockerd") && installed("docker") && process.getuid?.() === 0;

/** How long an engine may take to start, or to remove what it has made. */
const PATIENCE_MS = 30_000;

/**
 * A Docker Engine of the test's own: socket, data and processes in one directory, and its bridges, links, addresses and iptables rules in a network namespace that
 * goes with it, so that another engine's of the machine are not touched.
 */
export class DockerEngine {
  readonly directory = mkdtempSync("/tmp/ct-docker-");
  readonly socket = `unix://${this.directory}/socket`;
  readonly cgroup = `/ct-test-docker-${process.pid}-${this.directory.slice(-6)}`;
  readonly #before: Inventory = inventory();
  readonly #process: ChildProcess;

  private constructor({ flags = [], prepare = "true", namespaces = "" }: EngineOptions) {
    // Containers of an engine that maps users reach their roots through it.
    chmodSync(this.directory, 0o711);
    const places = ["--data-root", `${this.directory}/data`, "--exec-root", `${this.directory}/exec`];
    const words = [
      "-H",
      this.socket,
      ...places,
      "-p",
      `${this.directory}/pid`,
      "--cgroup-parent",
      this.cgroup,
      ...flags,
    ];
    const script = `ip link set lo up && ${prepare} && exec dockerd "$@" >${this.directory}/log 2>&1`;
    this.#process = spawn("unshare", [`-n${namespaces}`, "sh", "-c", script, "sh", ...words], { stdio: "ignore" });
  }

  static async start(options: EngineOptions = {}): Promise<DockerEngine> {
    const engine = new DockerEngine(options);
    const deadline = Date.now() + PATIENCE_MS;
    while ((await engine.docker("info")).status !== 0) {
      if (engine.#process.exitCode !== null || Date.now() > deadline) {
        throw new Error(`dockerd does not start:\n${readFileSync(`${engine.directory}/log`, "utf8").slice(-2000)}`);
      }
      await pause(50);
    }
    return engine;
  }

  /** Of dockerd: its network namespace is what containers' published ports are reached in. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  docker(...words: readonly string[]): Promise<Result> {
    return this.dockerWith({}, ...words);
  }

  dockerWith({ input }: { readonly input?: string | Buffer }, ...words: readonly string[]): Promise<Result> {
    return run("docker", ["-H", this.socket, ...words], input);
  }

  /** As `docker`, for what must succeed: what it says, without the last line end. */
  async ask(...words: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.docker(...words);
    if (status === 0) return stdout.trimEnd();
    throw new Error(`docker ${words.join(" ")}: status ${status}: ${stderr}`);
  }

  /** Runs a command in the engine's network namespace. */
  inNetwork(...words: readonly string[]): Promise<Result> {
    return run("nsenter", ["-t", String(this.pid), "-n", ...words]);
  }

  /** Makes an image of a directory. */
  import(root: string, name: string): void {
    const script = 'tar -C "$1" -c . | docker -H "$2" import - "$3"';
    execFileSync("sh", ["-c", script, "sh", root, this.socket, name], { stdio: "ignore" });
  }

  /** Ends it, and tells what it and its containers have left on the machine: lines for a person. */
  async stop(): Promise<readonly string[]> {
    await this.#removeContainers();
    const left = await this.#settled(async () => [...(await this.#links()), ...this.#cgroups(), ...this.#states()]);
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
    this.#unmountItsOwn();
    for (const directory of this.#parents()) rmdirSync(directory);
    rmSync(this.directory, { recursive: true, force: true });
    return [...left, ...(await this.#settled(async () => leftSince(this.#before, inventory())))];
  }

  async #removeContainers(): Promise<void> {
    const all = (await this.ask("ps", "--all", "--quiet")).split("\n").filter((id) => id !== "");
    if (all.length > 0) await this.ask("rm", "--force", ...all);
  }

  /** The kernel and the engine take a moment to remove things. */
  async #settled(look: () => Promise<readonly string[]>): Promise<readonly string[]> {
    const deadline = Date.now() + 5000;
    for (;;) {
      const left = await look();
      if (left.length === 0 || Date.now() > deadline) return left;
      await pause(50);
    }
  }

  async #links(): Promise<readonly string[]> {
    const { stdout } = await this.inNetwork("ip", "-brief", "link");
    return stdout.split("\n").filter((line) => line.startsWith("veth"));
  }

  /** Its directory in each hierarchy: containers' are below. */
  #parents(): readonly string[] {
    const hierarchies = ["/sys/fs/cgroup", ...listed("/sys/fs/cgroup").map((name) => `/sys/fs/cgroup/${name}`)];
    return hierarchies.map((path) => `${path}${this.cgroup}`).filter((path) => existsSync(path));
  }

  #cgroups(): readonly string[] {
    return this.#parents().flatMap((parent) =>
      readdirSync(parent, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `cgroup ${parent}/${name}`),
    );
  }

  /** What runtimes have written down about containers. */
  #states(): readonly string[] {
    return listed(`${this.directory}/exec`)
      .filter((name) => name.startsWith("runtime-"))
      .flatMap((name) => [`${name}/moby`, `${name}/moby/containers`, `${name}/moby/scratch`])
      .flatMap((path) => listed(`${this.directory}/exec/${path}`).map((name) => `${path}/${name}`))
      .filter((path) => !/\/moby\/(containers|scratch)$/.test(path));
  }

  /** dockerd leaves its data directory mounted on itself, and its network namespace. */
  #unmountItsOwn(): void {
    const mounts = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "");
    for (const path of [`${this.directory}/exec/netns/default`, `${this.directory}/data`]) {
      if (mounts.includes(path)) execFileSync("umount", [path]);
    }
  }
}

/** Beside what libct's own containers could leave: files of the engine, and the machine's rules for packets. */
function inventory(): Inventory {
  const known = takeInventory();
  const places = ["/run/docker", "/run/containerd/s", "/run/ct-runtime/containers", "/run/netns", "/var/lib/docker"];
  const files = places.flatMap((place) => listed(place).map((name) => `${place}/${name}`));
  const rules = installed("iptables-save") ? execFileSync("iptables-save", { encoding: "utf8" }).split("\n") : [];
  const links = [
    ...known.links,
    ...rules.filter((line) => /^(-A|:)/.test(line)).map((line) => line.replace(/ \[.*/, "")),
  ];
  return { ...known, files: [...known.files, ...files], links };
}

function listed(path: string): readonly string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

/** A command's end, with what it said. */
export function run(file: string, words: readonly string[], input?: string | Buffer): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, words, { stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
    const [stdout, stderr]: Buffer[][] = [[], []];
    child.stdout?.on("data", (data: Buffer) => stdout?.push(data));
    child.stderr?.on("data", (data: Buffer) => stderr?.push(data));
    child.once("error", reject);
    child.once("close", (status) => {
      const text = (parts: Buffer[] = []) => Buffer.concat(parts).toString("utf8");
      resolve({ status, stdout: text(stdout), stderr: text(stderr) });
    });
    child.stdin?.end(input);
  });
}
