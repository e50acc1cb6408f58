import { invalid, type LibctError } from "../errors.ts";
import { type ContainerSpec, parseDuration, parseSize } from "../spec/index.ts";
import { throwIfAborted } from "./abort.ts";
import type { Container } from "./container.ts";
import { Collector } from "./output.ts";
import { type Planner, planRun } from "./plan-run.ts";
import type { Process } from "./process.ts";
import type { RunOptions } from "./run-options.ts";
import type { StartOptions } from "./start-options.ts";

export type EndReason = "exit" | "signal" | "timeout" | "output-limit" | "aborted";

export interface RunResult {
  /** The command's exit status; 128 and the signal's number when it was killed. */
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it ended. */
  readonly reason: EndReason;
  /** Seconds */
  readonly duration: number;
}

/** What a command is run on: a Host. */
interface Creator extends Planner {
  create(spec: ContainerSpec): Promise<Container>;
}

/** Runs a command in a throw-away container and collects its output. */
export async function runCommand(host: Creator, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const begun = performance.now();
  const maxOutput =
    options.maxOutput === undefined ? Number.POSITIVE_INFINITY : parseSize(options.maxOutput, "maxOutput");
  const timeout = options.timeout === undefined ? undefined : parseDuration(options.timeout, "timeout");
  if (timeout !== undefined && timeout > LONGEST) throw invalid("timeout", timeout, "at most 24 days");
  throwIfAborted(options.signal);
  const plan = await planRun(host, args, options);
  try {
    await using container = await host.create(plan.spec);
    const start: StartOptions = { stdin: options.input === undefined ? "ignore" : "pipe" };
    const process = await container.start(plan.process, start);
    const limits = limit(process, timeout, options.signal);
    process.stdin?.on("error", () => undefined).end(options.input);
    const stop = () => limits.stop("output-limit");
    const [stdout, stderr] = [
      new Collector(process.stdout, maxOutput, stop),
      new Collector(process.stderr, maxOutput, stop),
    ];
    const [status] = await Promise.all([process.wait(), stdout.done, stderr.done]).finally(limits.clear);
    return {
      exitCode: status.exitCode,
      signal: status.signal,
      stdout: stdout.text(),
      stderr: stderr.text(),
      reason: limits.reason() ?? (status.signal ? "signal" : "exit"),
      duration: (performance.now() - begun) / 1000,
    };
  } finally {
    plan.release?.();
  }
}

/** Seconds; a timer cannot be set for longer, and would fire at once. */
const LONGEST = 24 * 24 * 3600;

/** Kills the process when its time is over or the caller gives up, and remembers why. */
export function limit(process: Process, timeout: number | undefined, signal: AbortSignal | undefined) {
  let reason: EndReason | undefined;
  const stop = (why: EndReason) => {
    reason ??= why;
    process.kill("SIGKILL").catch((error: LibctError) => error); // It has ended already.
  };
  const timer = timeout === undefined ? undefined : setTimeout(() => stop("timeout"), timeout * 1000);
  const abort = () => stop("aborted");
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  return {
    stop,
    reason: () => reason,
    clear: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    },
  };
}
