import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Enclave, type Outcome } from "./enclave.ts";

/** A containerd with a socket, storage and namespaces of its own, and `ctr` for it. */
export class Containerd {
  readonly #enclave: Enclave;
  readonly #daemon: ChildProcess;
  readonly #directory: string;
  readonly #namespace: string;

  private constructor(enclave: Enclave, daemon: ChildProcess, directory: string, namespace: string) {
    this.#enclave = enclave;
    this.#daemon = daemon;
    this.#directory = directory;
    this.#namespace = namespace;
  }

  static async open(directory: string, namespace: string): Promise<Containerd> {
    const config = `${directory}/containerd.toml`;
    writeFileSync(config, configuration(directory));
    // Its shims have their sockets in /run/containerd, whatever the configuration says.
    const enclave = await Enclave.open("mount -t tmpfs tmpfs /run");
    const daemon = enclave.start(["containerd", "--config", config]);
    const containerd = new Containerd(enclave, daemon, directory, namespace);
    while (containerd.ctr("version").status !== 0) {
      if (daemon.exitCode !== null) throw new Error(`containerd ended with status ${daemon.exitCode}`);
      await pause(50);
    }
    return containerd;
  }

  ctr(...words: readonly string[]): Outcome {
    return this.#enclave.run(this.#line(words));
  }

  /** What a terminal shows, and the exit status. */
  ctrOnTerminal(...words: readonly string[]): Outcome {
    const line = this.#line(words).map((word) => `'${word}'`);
    const outcome = this.#enclave.run(["script", "-qec", line.join(" "), "/dev/null"]);
    // What the terminal says to the end of script's own input.
    return { ...outcome, stdout: outcome.stdout.replaceAll("^@", "").replaceAll("\0", "") };
  }

  left(): readonly string[] {
    return this.#enclave.left(this.#directory).filter((line) => !line.includes("containerd --config"));
  }

  async close(): Promise<void> {
    const ended = once(this.#daemon, "exit");
    spawnSync("kill", ["-TERM", String(this.#daemon.pid)]);
    await ended;
    await this.#enclave.close();
  }

  #line(words: readonly string[]): readonly string[] {
    return ["ctr", `--address=${this.#directory}/socket`, `--namespace=${this.#namespace}`, ...words];
  }
}

const configuration = (directory: string) => `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${directory}/socket"
[ttrpc]
address = "${directory}/ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "${directory}/opt"
`;
