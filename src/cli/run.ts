import { LibctError } from "../errors.ts";
import type { Executor } from "../executor/index.ts";
import { type EndReason, Host, limit, type Process, type RunPlan, type RunResult } from "../host/index.ts";
import type { Invocation } from "./action.ts";
import { type Globals, withDirectories } from "./command.ts";
import type { RunFlags } from "./flags.ts";
import { drain, print, type Sink, write } from "./output.ts";
import { parseLimits } from "./parse.ts";
import { inputFor, planInvocation } from "./plan.ts";
import { SignalForwarder } from "./signals.ts";
import { isTerminal, watchSize } from "./terminal.ts";

/** `ct run`: returns the exit status. */
export async function run(invocation: Invocation, executor: Executor, globals: Globals): Promise<number> {
  const { flags } = invocation;
  if (flags.detach) return (await import("./containers/detach.ts")).detach(invocation, executor, globals, false);
  refuseLifetime(flags);
  // It ends with ct, which does not wait for that: all that the container was is gone when its end is told.
  const host = await Host.open({ started: executor, ...withDirectories(globals) });
  await requireTerminal(flags);
  const { timeout, maxOutput } = parseLimits(flags);
  const fds = flags.preserveFds ? (await import("./preserve-fds.ts")).preservedFds(flags.preserveFds) : {};
  const plan = await planInvocation(invocation, host);
  // Its handlers stand before the command does, so that no signal is lost in between.
  const signals = new SignalForwarder({ terminal: flags.tty ?? false, isInit: isInit(plan.spec) });
  const stopWatching = flags.tty ? await watchSize((size) => signals.resize(size)) : undefined;
  try {
    await using container = await host.create(plan.spec);
    const begun = performance.now();
    const output = flags.json || maxOutput !== undefined ? "pipe" : "inherit";
    const streams = { stdin: await inputFor(flags), stdout: output, stderr: output } as const;
    const child = await container.start(plan.process, { ...streams, ...fds });
    signals.to(child);
    const limits = limit(child, timeout, undefined);
    const taken = flags.json ? collect(child, maxOutput, limits.stop) : passThrough(child, maxOutput, limits.stop);
    const [ended, { stdout, stderr }] = await Promise.all([child.wait(), taken]).finally(limits.clear);
    const { exitCode, signal } = signals.told(ended);
    const reason = limits.reason() ?? (signal ? "signal" : "exit");
    const duration = (performance.now() - begun) / 1000;
    await report({ exitCode, signal, stdout, stderr, reason, duration }, flags);
    return exitCode;
  } finally {
    stopWatching?.();
    signals.stop();
    plan.release?.();
  }
}

/** What only makes sense for a container that nobody waits for. */
function refuseLifetime({ restart, logSize }: RunFlags): void {
  const flag = restart !== undefined ? "--restart" : logSize !== undefined ? "--log-size" : undefined;
  if (flag) throw new LibctError("ERR_CT_USAGE", `${flag} is for a container in the background: add -d`);
}

async function requireTerminal(flags: RunFlags): Promise<void> {
  if (!flags.tty) return;
  if (flags.json)
    throw new LibctError("ERR_CT_USAGE", "-t and --json exclude each other: a terminal's output is for people");
  if (await isTerminal(0)) return;
  throw new LibctError("ERR_CT_USAGE", "-t needs a terminal as standard input", { hint: "leave -t out" });
}

const isInit = ({ namespaces = [] }: RunPlan["spec"]) =>
  namespaces.some((one) => one === "pid" || (typeof one === "object" && one.type === "pid" && one.path === undefined));

type Output = Pick<RunResult, "stdout" | "stderr">;
type Stop = (why: EndReason) => void;
const NO_OUTPUT: Output = { stdout: "", stderr: "" };

/** Keeps the output. */
async function collect(child: Process, most: number | undefined, stop: Stop): Promise<Output> {
  const take = async (source: Process["stdout"]): Promise<string> => {
    const chunks: Uint8Array[] = [];
    const sink: Sink = {
      most: most ?? Number.POSITIVE_INFINITY,
      take: (chunk) => void chunks.push(chunk),
      stop,
    };
    await drain(source, sink);
    return Buffer.concat(chunks).toString("utf8");
  };
  const [stdout, stderr] = await Promise.all([take(child.stdout), take(child.stderr)]);
  return { stdout, stderr };
}

/** Passes the output on while it counts it; without a limit the command writes to ct's own streams, and there is nothing to do. */
async function passThrough(child: Process, most: number | undefined, stop: Stop): Promise<Output> {
  if (most === undefined) return NO_OUTPUT;
  const sink = (to: NodeJS.WriteStream): Sink => ({ most, take: (chunk) => write(to, chunk), stop });
  await Promise.all([drain(child.stdout, sink(process.stdout)), drain(child.stderr, sink(process.stderr))]);
  return NO_OUTPUT;
}

async function report(result: RunResult, flags: RunFlags): Promise<void> {
  if (flags.json) await print(process.stdout, `${JSON.stringify(result)}\n`);
  else if (result.reason === "timeout") await print(process.stderr, `ct: killed after ${flags.timeout}\n`);
  else if (result.reason === "output-limit")
    await print(process.stderr, `ct: killed after ${flags.maxOutput} of output\n`);
}
