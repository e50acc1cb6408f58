import { LibctError } from "../errors.ts";
import { type ExitStatus, endsBy, type Process } from "../host/index.ts";
import { signalNumber } from "../linux/index.ts";
import type { Terminal } from "./terminal.ts";

/** Passed on to the command. Those that mean a fault of `ct` itself, or cannot be caught, are not. */
const FORWARDED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGCONT",
  "SIGWINCH",
] as const satisfies readonly NodeJS.Signals[];

/** Their default action is not to end a process (signal(7)). */
const HARMLESS: readonly NodeJS.Signals[] = ["SIGCONT", "SIGWINCH"];

export interface ForwardingOptions {
  /** The command has a terminal of its own, whose size follows that of ours. */
  readonly terminal: boolean;
  /** The command is the first process of a pid namespace. */
  readonly isInit: boolean;
}

/** Passes signals on to a command from now on. Those that come before it runs wait for it. */
export class SignalForwarder {
  readonly #options: ForwardingOptions;
  readonly #early: NodeJS.Signals[] = [];
  readonly #handler = (signal: NodeJS.Signals) => this.#forward(signal);
  #process: Process | undefined;
  #ended: NodeJS.Signals | undefined;

  constructor(options: ForwardingOptions) {
    this.#options = options;
    for (const signal of FORWARDED) process.on(signal, this.#handler);
  }

  /** From now on signals reach this process. */
  to(child: Process): void {
    this.#process = child;
    for (const signal of this.#early.splice(0)) this.#forward(signal);
  }

  /** Its terminal gets the size that ours has now. */
  resize({ columns, rows }: Terminal): void {
    this.#process?.resize(columns, rows).catch(ignoreEnd);
  }

  stop(): void {
    for (const signal of FORWARDED) process.off(signal, this.#handler);
  }

  /** How the command ended in its own view: by the signal whose default action was done for it. */
  told(status: Pick<ExitStatus, "exitCode" | "signal">): Pick<ExitStatus, "exitCode" | "signal"> {
    const signal = this.#ended;
    if (signal === undefined || status.signal !== "SIGKILL") return status;
    return { exitCode: 128 + (signalNumber(signal) ?? 0), signal };
  }

  #forward(signal: NodeJS.Signals): void {
    const child = this.#process;
    if (!child) {
      this.#early.push(signal);
      return;
    }
    // The kernel sends it anew when the command's own terminal has got the new size.
    if (signal === "SIGWINCH" && this.#options.terminal) return;
    if (this.#options.isInit && !HARMLESS.includes(signal) && endsBy(child.pid, signal)) {
      this.#ended ??= signal;
      child.kill("SIGKILL").catch(ignoreEnd);
    } else {
      child.kill(signal).catch(ignoreEnd);
    }
  }
}

/** A signal that comes when the command has just ended has nobody to reach. */
function ignoreEnd(error: unknown): void {
  if (!(error instanceof LibctError) || error.errno !== "ESRCH") throw error;
}
