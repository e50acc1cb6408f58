import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A process that answers lines with lines of JSON, and stays alive between: so that contestants can take turns. */
export class Contestant {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  constructor(command: readonly string[]) {
    const [file = "", ...args] = command;
    this.#child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask<T>(question: string): Promise<T> {
    this.#child.stdin.write(`${question}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#child.spawnfile} ended (status ${this.#child.exitCode})`);
    return JSON.parse(value);
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await new Promise((resolve) => this.#child.once("exit", resolve));
  }
}
