import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Enclave, type Outcome, type RunOptions } from "./enclave.ts";

export interface PodmanOptions {
  readonly runtime: string;
  /** The uid of an ordinary user, who gets the ids of /etc/subuid from 200000 on. */
  readonly user?: number;
}

const USER = "somebody";

/** A podman with a home, storage and namespaces of its own. */
export class Podman {
  readonly #enclave: Enclave;
  readonly #directory: string;
  readonly #options: PodmanOptions;

  private constructor(enclave: Enclave, directory: string, options: PodmanOptions) {
    this.#enclave = enclave;
    this.#directory = directory;
    this.#options = options;
  }

  static async open(directory: string, options: PodmanOptions): Promise<Podman> {
    const { user = 0 } = options;
    for (const name of ["home", "run"]) {
      mkdirSync(`${directory}/${name}`, { recursive: true, mode: 0o700 });
      chownSync(`${directory}/${name}`, user, user);
    }
    writeFileSync(`${directory}/containers.conf`, configuration(options));
    const entry = `${USER}:x:${user}:${user}::${directory}/home:/bin/sh\n`;
    writeFileSync(
      `${directory}/passwd`,
      user === 0 ? readFileSync("/etc/passwd") : `root:x:0:0::/root:/bin/sh\n${entry}`,
    );
    writeFileSync(`${directory}/group`, `${readFileSync("/etc/group")}${user === 0 ? "" : `${USER}:x:${user}:\n`}`);
    // Of "containers" are those that --userns=auto of root's takes.
    writeFileSync(`${directory}/subids`, `${user === 0 ? "containers" : USER}:200000:65536\n`);
    const bound = Object.entries({ subuid: "subids", subgid: "subids", passwd: "passwd", group: "group" }).map(
      ([file, from]) => `mount --bind ${directory}/${from} /etc/${file}`,
    );
    return new Podman(await Enclave.open(bound.join(" && ")), directory, options);
  }

  /** The words that call it. */
  words(...words: readonly string[]): readonly string[] {
    const at = (name: string) => `${this.#directory}/home/${name}`;
    const places = [
      "--root",
      at("root"),
      "--runroot",
      at("runroot"),
      "--tmpdir",
      at("tmp"),
      "--storage-driver=overlay",
    ];
    const net = this.#options.user === undefined ? ["--network-config-dir", at("net")] : [];
    return ["podman", ...places, ...net, ...words];
  }

  run(words: readonly string[], options: RunOptions = {}): Outcome {
    return this.#enclave.run(this.words(...words), this.#with(options));
  }

  /** What a terminal shows, and the exit status. */
  onTerminal(...words: readonly string[]): Outcome {
    const line = this.words(...words).map((word) => `'${word}'`);
    const outcome = this.#enclave.run(["script", "-qec", line.join(" "), "/dev/null"], this.#with({}));
    // What the terminal says to the end of script's own input.
    return { ...outcome, stdout: outcome.stdout.replaceAll("^@", "").replaceAll("\0", "") };
  }

  /** As `run`, for what must succeed. */
  ok(...words: readonly string[]): string {
    const { status, stdout, stderr } = this.run(words);
    if (status !== 0) throw new Error(`podman ${words.join(" ")}: status ${status}: ${stderr}`);
    return stdout.trim();
  }

  left(): readonly string[] {
    return this.#enclave.left(this.#directory);
  }

  async close(): Promise<void> {
    // Files of containers belong to ids that only a user namespace has, and storage of root's is a mount.
    if (this.#options.user !== undefined) this.run(["unshare", "rm", "-rf", `${this.#directory}/home/root`]);
    await this.#enclave.close();
  }

  #with(options: RunOptions): RunOptions {
    const { user } = this.#options;
    const env = {
      HOME: `${this.#directory}/home`,
      XDG_RUNTIME_DIR: `${this.#directory}/run`,
      CONTAINERS_CONF: `${this.#directory}/containers.conf`,
      ...options.env,
    };
    return { cwd: `${this.#directory}/home`, ...(user === undefined ? {} : { user }), ...options, env };
  }
}

/** Limits of their own, since podman's are higher than root without CAP_SYS_RESOURCE may set. */
const configuration = ({ runtime, user }: PodmanOptions) => `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
cgroups = ${user === undefined ? '"enabled"' : '"disabled"'}
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "ct-runtime"
runtime_supports_json = ["ct-runtime"]
runtime_supports_nocgroup = ["ct-runtime"]
runtime_supports_nocgroups = ["ct-runtime"]
[engine.runtimes]
ct-runtime = ["${runtime}"]
[network]
network_backend = "netavark"
`;
