import { compileContainer, type Resolved, type Stdio } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import type { Zygote } from "../executor/index.ts";
import { kernelFeatures } from "../linux/index.ts";
import { explainProgram, type Listing } from "../program/index.ts";
import {
  type ContainerSpec,
  type Device,
  type Mount,
  NAMESPACE_FILES,
  type NamespaceType,
  type ProcessSpec,
  type Rlimit,
  validateProcess,
} from "../spec/index.ts";
import { killOnAbort, throwIfAborted } from "./abort.ts";
import { type EnterOptions, explainEntry, launchEntry } from "./enter.ts";
import { closeUnread, EnteredProcesses } from "./entered-processes.ts";
import {
  addDevice,
  addMount,
  removeDevice,
  removeMount,
  setNames,
  setRlimits,
  setSysctl,
  type UnmountOptions,
} from "./live.ts";
import { Launch, Process } from "./process.ts";
import { identify } from "./process-identity.ts";
import { resolveContainer, type Streams, type Surroundings } from "./resolve.ts";
import { ended, type RunningContainer } from "./running-container.ts";

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
  readonly #entered = new EnteredProcesses();
  /** For entering: known from the first time on. */
  #running: RunningContainer | undefined;
  #cgroups: readonly string[] = [];
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
    return explainProgram(compileContainer(resolved));
  }

  /**
   * Executes another command in the running container: in its namespaces, its root and its cgroups. What the command does not say comes from the container's
   * `process`. Resolves when it is executed.
   *
   * @example
   * const { exitCode } = await (await container.exec(["ps"], { stdout: "inherit" })).wait();
   */
  async exec(command: Command, options: EnterOptions = {}): Promise<Process> {
    const launch = await launchEntry(this.#host, await this.running(), command, options);
    return await this.#entered.add(launch, options.signal);
  }

  /** Adds a mount while the container runs; its target is made when it is missing. Bind mounts need Linux 5.2. When it fails nothing is left of it. */
  async mount(mount: Mount): Promise<void> {
    await addMount(this.#host, await this.running(), mount);
  }

  /** Takes a mount away while the container runs; with `detach` also one that is in use. */
  async unmount(destination: string, options: UnmountOptions = {}): Promise<void> {
    await removeMount(this.#host, await this.running(), destination, options);
  }

  /** Adds a device while the container runs. */
  async addDevice(device: Device): Promise<void> {
    await addDevice(this.#host, await this.running(), device);
  }

  async removeDevice(path: string): Promise<void> {
    await removeDevice(this.#host, await this.running(), path);
  }

  async setHostname(hostname: string): Promise<void> {
    await setNames(this.#host, await this.running(), { hostname });
  }

  async setDomainname(domainname: string): Promise<void> {
    await setNames(this.#host, await this.running(), { domainname });
  }

  /** Sets kernel parameters of the container's namespaces: all of them, or none when one fails. */
  async setSysctl(values: Readonly<Record<string, string>>): Promise<void> {
    await setSysctl(this.#host, await this.running(), values);
  }

  /** Sets resource limits of all processes that run in the container. */
  async setRlimits(rlimits: readonly Rlimit[]): Promise<void> {
    await setRlimits(this.#host, await this.running(), rlimits);
  }

  /** The program that `exec` would run. */
  async explainExec(
    command: Command,
    options: EnterOptions & { readonly kernel?: string | undefined } = {},
  ): Promise<Listing> {
    return await explainEntry(this.#host, await this.running(), command, options);
  }

  /** @internal What others need to enter the container or to change it. Throws ERR_CT_STATE when it does not run. */
  async running(): Promise<RunningContainer> {
    const process = this.#process;
    const launch = this.#launch;
    if (!process || !launch) throw new LibctError("ERR_CT_STATE", `container ${this.name} is not running`);
    if (this.#running) return this.#running;
    const init = identify(process.pid);
    // The monitor's child, until the monitor says otherwise: so it is the container's process that was looked at.
    await launch
      .call((block, register) => block.sys("kill", [register("init"), 0]))
      .catch((error: unknown) => {
        throw ended(this.name, error);
      });
    if (!init) throw ended(this.name);
    this.#running = { name: this.name, init, spec: this.spec, cgroups: this.#cgroups };
    return this.#running;
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
    await this.#entered.end();
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
    killOnAbort(process, options.signal);
    return process;
  }

  /** Plans the container; when that fails, or nobody wants it any more, the root driver is told. */
  async #prepare(command: Command, options: StartOptions): Promise<Launch> {
    try {
      const resolved = await this.#resolve(command, options);
      throwIfAborted(options.signal);
      this.#cgroups = resolved.cgroups.map(({ path }) => path);
      if (this.#disposed) throw new LibctError("ERR_CT_STATE", `container ${this.name} is gone`);
      return new Launch(this.#host.zygote, resolved, compileContainer(resolved));
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

  #gone(): void {
    this.#launch = undefined;
    this.#process = undefined;
    this.#running = undefined;
    this.#entered.kill();
    this.#released = this.#release();
    // Who disposes of the container gets the error.
    this.#released.catch(() => undefined);
  }

  async #release(): Promise<void> {
    const { root } = this.spec;
    if (typeof root === "object") await root.release?.();
  }
}

const tooLarge = (cause: RangeError) =>
  new LibctError("ERR_CT_INVALID_SPEC", `the specification is too large: ${cause.message}`, {
    hint: "give a long command or environment to the process in a file",
    cause,
  });

const streamsOf = ({ stdin = "ignore", stdout = "pipe", stderr = "pipe" }: StartOptions): Streams => ({
  stdin,
  stdout,
  stderr,
});
