import type { Writable } from "node:stream";
import { letDie } from "../cgroup/index.ts";
import { SIG, TIOC, u16s } from "../linux/index.ts";
import type { ExitStatus } from "./exit-status.ts";
import type { Launch } from "./launch.ts";
import { numberOf } from "./signal-number.ts";
import type { OutputStream } from "./streams.ts";

/** A process of a container: its first one, or one that has entered it. */
export class Process {
  /** Its id as the host sees it. */
  readonly pid: number;
  /** Null when it was not asked to be a pipe. */
  readonly stdin: Writable | null;
  readonly stdout: OutputStream | null;
  readonly stderr: OutputStream | null;
  readonly #launch: Launch;

  constructor(pid: number, launch: Launch) {
    this.pid = pid;
    this.#launch = launch;
    this.stdin = launch.streams.stdin;
    this.stdout = launch.streams.stdout;
    this.stderr = launch.streams.stderr;
  }

  /** Resolves when the process has ended and everything that was made for it is gone. */
  wait(): Promise<ExitStatus> {
    return this.#launch.ended;
  }

  /** Sends a signal. It reaches this process or nobody: the sender is its parent, so the id cannot have been reused. */
  async kill(signal: NodeJS.Signals | number = "SIGTERM"): Promise<void> {
    const number = numberOf(signal);
    await this.#launch.call((block, register) => block.sys("kill", [register("init"), number]));
    if (number === SIG.KILL && this.#launch.cgroup) letDie(this.#launch.cgroup);
  }

  /** Sets the size of its terminal, in characters. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#launch.call((block, register) => {
      block.sys("ioctl", [register("terminal"), TIOC.SWINSZ, block.memory.bytes(u16s(rows, columns, 0, 0))]);
    });
  }
}
