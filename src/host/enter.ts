import { compileEnter, type ResolvedEntry } from "../compile/index.ts";
import type { Zygote } from "../executor/index.ts";
import type { Listing } from "../explain/index.ts";
import { kernelFeatures } from "../linux/index.ts";
import type { ContainerSpec, NamespaceType } from "../spec/index.ts";
import { killOnAbort, throwIfAborted } from "./abort.ts";
import type { ContainerHost } from "./container-host.ts";
import { Launch, pipesFor } from "./launch.ts";
import { launchWith, type Passer } from "./passing.ts";
import { Process } from "./process.ts";
import { resolveEntry } from "./resolve-entry.ts";
import { type RunningContainer, withTarget } from "./running-container.ts";
import type { Command, StartOptions } from "./start-options.ts";

export interface EnterOptions extends StartOptions {
  /** Which of the container's namespaces to enter. Default: all that it has made or joined. */
  readonly namespaces?: readonly NamespaceType[];
  /** Enters also a paused container: the process stands still with it. */
  readonly ignorePaused?: boolean;
  /** An existing cgroup below the container's own, such as "workers". */
  readonly cgroup?: string;
  /** Default: the container's. */
  readonly seccomp?: ContainerSpec["seccomp"];
  /** Goes on when the application has ended. Its streams are then ignored or inherited. */
  readonly detached?: boolean;
  /** It is left to the nearest subreaper, as a container with lifetime "orphan": nobody here waits for its end. Its streams are inherited or ignored. */
  readonly orphan?: boolean;
}

/** What entering needs of a Host. */
export type EnterContext = Pick<ContainerHost, "surroundings" | "plans"> & Passer;

/**
 * Executes a command in a container that runs, which this or another process has started. What the command does not say comes from the container's `process`.
 * Resolves when it is executed.
 *
 * Throws LibctError ERR_CT_STATE when the container has ended, also when it ends while it is being entered.
 */
export async function enter(
  context: EnterContext,
  container: RunningContainer,
  command: Command,
  options: EnterOptions = {},
): Promise<Process> {
  const launch = await launchEntry(context, container, command, options);
  const process = new Process(await launch.started, launch);
  killOnAbort(process, options.signal);
  return process;
}

/** As `enter`, for who has to look after the process: gives the launch of what is executed by then. */
export async function launchEntry(
  context: EnterContext,
  container: RunningContainer,
  command: Command,
  options: EnterOptions,
): Promise<Launch> {
  throwIfAborted(options.signal);
  const surroundings = await context.surroundings();
  return await withTarget(container, async (target) => {
    const resolved = resolveEntry(container, target, command, options, surroundings);
    const compiled = (await context.plans()).compileEntry(resolved, compileEnter);
    const pipes = await pipesFor(resolved);
    const make = (zygote: Zygote) => new Launch(zygote, resolved, compiled, pipes);
    const launch = await launchWith(context, options.fds, make);
    const close = () => void launch.streams.stdin?.destroy();
    launch.ended.then(close, close);
    await started(launch, options.signal);
    if (options.orphan) launch.leave();
    return launch;
  });
}

async function started(launch: Launch, signal: AbortSignal | undefined): Promise<void> {
  try {
    await launch.started;
    if (!signal?.aborted) return;
    await launch.kill();
    await launch.ended;
    throwIfAborted(signal);
  } catch (error) {
    launch.streams.stdout?.destroy();
    launch.streams.stderr?.destroy();
    throw error;
  }
}

/** The program that `enter` would run. */
export async function explainEntry(
  context: EnterContext,
  container: RunningContainer,
  command: Command,
  options: EnterOptions & { readonly kernel?: string | undefined } = {},
): Promise<Listing> {
  const { caller, features } = await context.surroundings();
  return await withTarget(container, async (target) => {
    const kernel = options.kernel === undefined ? features : kernelFeatures(options.kernel);
    const resolved: ResolvedEntry = resolveEntry(container, target, command, options, { caller, features: kernel });
    const { explainProgram } = await import("../explain/index.ts");
    return explainProgram(compileEnter(resolved));
  });
}
