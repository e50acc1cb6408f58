import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("seccomp-agent.py", import.meta.url));

/** Somebody who listens on a Unix socket for the descriptors of seccomp filters, and refuses every notified mkdir with an errno. */
export class SeccompAgent implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: ChildProcess) {
    this.#process = process;
    if (!process.stdout) throw new Error("stdout is no pipe");
    this.#lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
  }

  static async listen(path: string, errno: number): Promise<SeccompAgent> {
    // A group of its own, which ends as one.
    const agent = new SeccompAgent(spawn("python3", [SCRIPT, path, String(errno)], { detached: true }));
    const { value } = await agent.#lines.next();
    if (value !== "listening") throw new Error(`the agent does not listen: ${value}`);
    return agent;
  }

  /** The next thing that it tells. */
  async told(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the agent has ended");
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.#process;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
    await ended;
  }
}
