import { compileContainer, type Resolved, type Stdio } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import type { Zygote } from "../executor/index.ts";
import type { Listing } from "../explain/index.ts";
import { kernelFeatures } from "../linux/index.ts";
import {
  type ContainerSpec,
  NAMESPACE_FILES,
  type NamespaceType,
  type ProcessSpec,
  validateProcess,
} from "../spec/index.ts";
import { type Compiled, Launch, Process } from "./process.ts";
import { resolveContainer, type Streams, type Surroundings } from "./resolve.ts";

export interface StartOptions {
  /** Default: "ignore" */
  readonly stdin?: Stdio;
  /** Default: "pipe" */
  readonly stdout?: Stdio;
  readonly stderr?: Stdio;
  /** Kills the process when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** What is executed: the command's words, or a whole process specification. */
export type Command = readonly string[] | (Partial<ProcessSpec> & { readonly args: readonly string[] });

/** What a container needs of its Host. */
export interface ContainerHost {
  readonly zygote: Zygote;
  surroundings(): Promise<Surroundings>;
  /** The program of a container, and its bytes. */
  compile(resolved: Resolved): Compiled;
  /** Called when the container's processes are gone for good. */
  forget(container: Container): void;
}

/**
 * A container: a specification, and while it runs its first process. Made by `host.create()`; nothing exists on the machine until `start()`.
 *
 * @example
 * await using container = await host.create({ root: "./rootfs", namespaces: ["mount", "pid"] });
 * const process = await container.start(["/bin/ls", "/"]);
 * for await (const line of process.stdout?.lines() ?? []) console.log(line);
 */
export class Container {
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly #host: ContainerHost;
  #process: Process | undefined;
  #launch: Launch | undefined;
  /** The last one that was started, also when it has ended. */
  #latest: Launch | undefined;
  #starting: Promise<Process> | undefined;
  #disposed: Promise<void> | undefined;
  #released: Promise<void> = Promise.resolve();

  constructor(host: ContainerHost, name: string, spec: ContainerSpec) {
    this.#host = host;
    this.name = name;
    this.spec = spec;
  }

  /** The process that `start` made, while it runs. */
  get process(): Process | undefined {
    return this.#process;
  }

  /** The path of a namespace of the running container, to be joined by another: `namespaces: [{ type: "network", path }]`. */
  namespacePath(type: NamespaceType): string {
    if (!this.#process) throw new LibctError("ERR_CT_STATE", `container ${this.name} is not running`);
    return `/proc/${this.#process.pid}/ns/${NAMESPACE_FILES[type]}`;
  }

  /**
   * Makes the container and executes the command in it. Resolves when the command is executed; rejects with a LibctError when anything failed,
   * and then nothing is left of it.
   */
  async start(command: Command, options: StartOptions = {}): Promise<Process> {
    if (this.#disposed) throw new LibctError("ERR_CT_STATE", `container ${this.name} is gone`);
    if (this.#starting || this.#launch) {
      throw new LibctError("ERR_CT_STATE", `container ${this.name} is already running`);
    }
    this.#starting = this.#start(command, options);
    try {
      return await this.#starting;
    } finally {
      this.#starting = undefined;
    }
  }

  /** The program that `start` would run: every system call in order, each with the spec member it comes from. */
  async explain(
    command: Command,
    options: { readonly kernel?: string | undefined } & StartOptions = {},
  ): Promise<Listing> {
    const resolved = await this.#resolve(command, options, options.kernel);
    const { explainProgram } = await import("../explain/index.ts");
    return explainProgram(compileContainer(resolved));
  }

  /** Kills what runs, and waits until nothing is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return await this.#disposed;
    this.#disposed = this.#dispose();
    await this.#disposed;
  }

  async #dispose(): Promise<void> {
    // A start that is under way sees that the container is going.
    await this.#starting?.catch(() => undefined);
    const launch = this.#launch;
    await launch?.kill();
    await launch?.ended.catch(() => undefined);
    if (this.#latest) closeUnread(this.#latest);
    this.#host.forget(this);
    await this.#released;
  }

  async #start(command: Command, options: StartOptions): Promise<Process> {
    throwIfAborted(options.signal);
    const launch = await this.#prepare(command, options);
    if (this.#latest) closeUnread(this.#latest);
    this.#launch = launch;
    this.#latest = launch;
    const gone = () => {
      // Nobody is left to read it.
      launch.streams.stdin?.destroy();
      this.#gone();
    };
    launch.ended.then(gone, gone);
    const pid = await launch.started.catch(async (error: unknown) => {
      closeUnread(launch);
      await this.#released;
      throw error;
    });
    const process = new Process(pid, launch);
    if (options.signal?.aborted) {
      await launch.kill();
      await launch.ended;
      throwIfAborted(options.signal);
    }
    this.#process = process;
    this.#watch(process, options.signal);
    return process;
  }

  /** Plans the container; when that fails, or nobody wants it any more, the root driver is told. */
  async #prepare(command: Command, options: StartOptions): Promise<Launch> {
    try {
      const resolved = await this.#resolve(command, options);
      const pipes = STREAMS.some((stream) => resolved[stream] === "pipe") ? await import("./streams.ts") : undefined;
      throwIfAborted(options.signal);
      if (this.#disposed) throw new LibctError("ERR_CT_STATE", `container ${this.name} is gone`);
      return new Launch(this.#host.zygote, resolved, this.#host.compile(resolved), pipes);
    } catch (error) {
      await this.#release();
      throw error instanceof RangeError ? tooLarge(error) : error;
    }
  }

  async #resolve(command: Command, options: StartOptions, kernel?: string): Promise<Resolved> {
    const given = "args" in command ? command : { args: command };
    const process = validateProcess({ ...this.spec.process, ...given });
    const surroundings = await this.#host.surroundings();
    const features = kernel === undefined ? surroundings.features : kernelFeatures(kernel);
    return resolveContainer(this.spec, process, streamsOf(options), { ...surroundings, features });
  }

  #watch(process: Process, signal: AbortSignal | undefined): void {
    if (!signal) return;
    const kill = () => void process.kill("SIGKILL").catch(() => undefined);
    signal.addEventListener("abort", kill, { once: true });
    const forget = () => signal.removeEventListener("abort", kill);
    process.wait().then(forget, forget);
  }

  #gone(): void {
    this.#launch = undefined;
    this.#process = undefined;
    this.#released = this.#release();
    // Who disposes of the container gets the error.
    this.#released.catch(() => undefined);
  }

  async #release(): Promise<void> {
    const { root } = this.spec;
    if (typeof root === "object") await root.release?.();
  }
}

const STREAMS = ["stdin", "stdout", "stderr"] as const;

/** Output that nobody has begun to read is not wanted: its pipe would stay open. */
function closeUnread({ streams }: Launch): void {
  for (const stream of [streams.stdout, streams.stderr]) if (stream && !stream.readableDidRead) stream.destroy();
}

const tooLarge = (cause: RangeError) =>
  new LibctError("ERR_CT_INVALID_SPEC", `the specification is too large: ${cause.message}`, {
    hint: "give a long command or environment to the process in a file",
    cause,
  });

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new LibctError("ERR_CT_ABORTED", "the start was aborted", { cause: signal.reason });
}

const streamsOf = ({ stdin = "ignore", stdout = "pipe", stderr = "pipe" }: StartOptions): Streams => ({
  stdin,
  stdout,
  stderr,
});
