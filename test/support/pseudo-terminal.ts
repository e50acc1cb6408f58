import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";

/** A shell command in a pseudo-terminal of its own, by script(1). */
export class PseudoTerminal {
  #output = "";
  #taken = 0;
  readonly #child: ChildProcessWithoutNullStreams;
  #wake: () => void = () => undefined;
  /** Its exit status. */
  readonly ended: Promise<number | null>;

  constructor(command: string) {
    this.#child = spawn("script", ["-qefc", command, "/dev/null"]);
    this.#child.stdout.on("data", (data: Buffer) => {
      this.#output += data.toString("utf8");
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (status) => {
        resolve(status);
        this.#wake();
      });
    });
  }

  /** All that it has shown. */
  get output(): string {
    return this.#output;
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Waits until the terminal shows this, after what was found before. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#output.slice(this.#taken));
      if (found) {
        this.#taken += found.index + found[0].length;
        return found;
      }
      if (this.#child.exitCode !== null)
        throw new Error(`the terminal never showed ${pattern}: ${JSON.stringify(this.#output)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
