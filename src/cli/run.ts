import { isatty } from "node:tty";
import { LibctError } from "../errors.ts";
import { type EndReason, Host, limit, type Process, planRun, type RunOptions } from "../host/index.ts";
import { parseDuration, parseSize } from "../spec/index.ts";
import type { RunFlags } from "./flags.ts";
import { runOptions } from "./run-options.ts";
import { windowSize } from "./window-size.ts";

/** Signals that are passed on to the command. Those that mean a fault of `ct` itself, or cannot be caught, are not. */
const FORWARDED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGCONT",
  "SIGPIPE",
] as const;

/** `ct run`: returns the exit status. */
export async function run(flags: RunFlags, root: string | undefined, command: readonly string[]): Promise<number> {
  if (flags.tty && !isatty(0)) {
    throw new LibctError("ERR_CT_USAGE", "-t needs a terminal, and the input of ct is none", { hint: "leave -t out" });
  }
  const host = await Host.open();
  try {
    const options = runOptions(flags, root, host.caller);
    return await (flags.json ? runForPrograms(host, command, options) : runForPeople(host, command, options, flags));
  } finally {
    await host[Symbol.asyncDispose]();
  }
}

async function runForPrograms(host: Host, command: readonly string[], options: RunOptions): Promise<number> {
  const result = await host.run(command, options);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return result.exitCode;
}

async function runForPeople(
  host: Host,
  command: readonly string[],
  options: RunOptions,
  flags: RunFlags,
): Promise<number> {
  const maxOutput = options.maxOutput === undefined ? undefined : parseSize(options.maxOutput, "--max-output");
  const timeout = options.timeout === undefined ? undefined : parseDuration(options.timeout, "--timeout");
  const plan = planRun(host.caller, command, options);
  const output = maxOutput === undefined ? "inherit" : "pipe";
  // process.stdin is never touched: node would make the descriptor non-blocking, and the container has the same one.
  const stdin = flags.tty || flags.interactive || !isatty(0) ? "inherit" : "ignore";
  // Handlers stand before the command does, so that no signal is lost in between.
  const signals = forwardSignals(Boolean(flags.tty));
  try {
    const container = await host.create(plan.spec);
    const child = await container.start(plan.process, { stdin, stdout: output, stderr: output });
    signals.to(child);
    const limits = limit(child, timeout, undefined);
    if (maxOutput !== undefined) void pass(child, maxOutput, () => limits.stop("output-limit"));
    const status = await child.wait().finally(limits.clear);
    explainEnd(limits.reason(), flags);
    return status.exitCode;
  } finally {
    signals.stop();
    plan.release?.();
  }
}

/** Passes the output through, and counts it. */
async function pass(child: Process, most: number, exceeded: () => void): Promise<void> {
  const copy = async (from: AsyncIterable<Uint8Array> | null, to: NodeJS.WriteStream) => {
    let left = most;
    for await (const chunk of from ?? []) {
      if (left > 0 && !to.write(chunk.subarray(0, left))) await new Promise((resolve) => to.once("drain", resolve));
      left -= chunk.length;
      if (left < 0) exceeded();
    }
  };
  await Promise.all([copy(child.stdout, process.stdout), copy(child.stderr, process.stderr)]);
}

function forwardSignals(terminal: boolean): { to(child: Process): void; stop(): void } {
  let target: Process | undefined;
  const early: NodeJS.Signals[] = [];
  const forward = (signal: NodeJS.Signals) => {
    if (target) target.kill(signal).catch(ended);
    else early.push(signal);
  };
  const resize = () => {
    const size = terminal ? windowSize() : undefined;
    if (size && target) target.resize(size.width, size.height).catch(ended);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  process.on("SIGWINCH", resize);
  return {
    to(child) {
      target = child;
      for (const signal of early.splice(0)) forward(signal);
    },
    stop() {
      for (const signal of FORWARDED) process.off(signal, forward);
      process.off("SIGWINCH", resize);
    },
  };
}

/** A signal that comes when the command has just ended has nobody to reach. */
function ended(error: unknown): void {
  if (!(error instanceof LibctError) || error.errno !== "ESRCH") throw error;
}

function explainEnd(reason: EndReason | undefined, flags: RunFlags): void {
  if (reason === "timeout") process.stderr.write(`ct: killed after ${flags.timeout}\n`);
  if (reason === "output-limit") process.stderr.write(`ct: killed after ${flags.maxOutput} of output\n`);
}
