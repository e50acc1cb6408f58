import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  /** As an ordinary user with the same group, without any other rights. */
  readonly user?: number;
  readonly cwd?: string;
}

/** A mount and a network namespace for an engine of the tests: the machine sees neither its mounts, its bridges nor its firewall. */
export class Enclave {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  /** `prepare` is a shell script that runs in it first, as root. */
  static async open(prepare = ":"): Promise<Enclave> {
    const script = `ip link set lo up; ${prepare} || exit; echo ready; exec sleep infinity`;
    const words = ["--mount", "--net", "--propagation", "private", "sh", "-c", script];
    const holder = spawn("unshare", words, { stdio: ["ignore", "pipe", "inherit"] });
    await Promise.race([once(holder.stdout, "data"), once(holder, "exit").then(failed)]);
    return new Enclave(holder);
  }

  /** How one gets in. */
  entry({ user, env = {}, cwd = "/" }: RunOptions = {}): readonly string[] {
    const identity = user === undefined ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
    const variables = Object.entries({ PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env });
    const assigned = variables.map(([name, value]) => `${name}=${value}`);
    return [
      "nsenter",
      `--target=${this.#holder.pid}`,
      "--mount",
      "--net",
      ...identity,
      "env",
      `--chdir=${cwd}`,
      "-i",
      ...assigned,
    ];
  }

  run(words: readonly string[], options: RunOptions = {}): Outcome {
    const [program = "", ...rest] = [...this.entry(options), ...words];
    const { status, stdout, stderr } = spawnSync(program, rest, {
      input: options.input ?? "",
      encoding: "utf8",
      timeout: 60_000,
    });
    return { status, stdout, stderr };
  }

  /** Starts a daemon in it. */
  start(words: readonly string[]): ChildProcess {
    const [program = "", ...rest] = [...this.entry(), ...words];
    return spawn(program, rest, { stdio: "ignore" });
  }

  /** What lives in it still, and what is mounted below a directory. */
  left(directory: string): readonly string[] {
    const namespace = readlinkSync(`/proc/${this.#holder.pid}/ns/mnt`);
    const living = processes().filter(
      ({ pid, mounts, words }) => pid !== this.#holder.pid && (mounts === namespace || words.includes(directory)),
    );
    const mounted = readFileSync(`/proc/${this.#holder.pid}/mountinfo`, "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "")
      .filter((path) => path.startsWith(`${directory}/`));
    // A line for each, under two of headings.
    const links = this.run(["cut", "-d:", "-f1", "/proc/net/dev"]).stdout.trim().split("\n").slice(2);
    return [...living.map(({ pid, words }) => `${pid} ${words}`), ...mounted, ...links.map((name) => name.trim())];
  }

  async close(): Promise<void> {
    const ended = once(this.#holder, "exit");
    this.#holder.kill("SIGKILL");
    await ended;
  }
}

function failed(): never {
  throw new Error("the enclave cannot be made");
}

function processes() {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return [{ pid: Number(name), mounts: readlinkSync(`/proc/${name}/ns/mnt`), words }];
      } catch {
        return []; // It has ended meanwhile.
      }
    });
}
