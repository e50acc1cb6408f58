import type { Cgroup } from "../cgroup/index.ts";
import { LibctError } from "../errors.ts";
import type { Listing } from "../explain/index.ts";
import type { Tried } from "../net/index.ts";
import type { HealthNotes, StatusReport } from "../records/index.ts";
import type { ContainerSpec } from "../spec/index.ts";
import { killOnAbort, throwIfAborted } from "./abort.ts";
import { ContainerControls } from "./container-controls.ts";
import type { ContainerRun, Watched } from "./container-events.ts";
import type { ContainerHost } from "./container-host.ts";
import type { Limited } from "./container-resources.ts";
import { closeUnread, EnteredProcesses } from "./entered-processes.ts";
import type { ExitStatus } from "./exit-status.ts";
import type { HealthKeeper } from "./health-keeper.ts";
import { isRecorded } from "./is-recorded.ts";
import { runPoststart, runPoststop } from "./late-hooks.ts";
import type { Launch } from "./launch.ts";
import { ended, notRunning } from "./not-running.ts";
import type { PlannedStart } from "./plan-start.ts";
import { Process } from "./process.ts";
import type { Recorded } from "./recorded.ts";
import type { RunningContainer } from "./running-container.ts";
import type { Command, StartOptions } from "./start-options.ts";

/** What a start needs, and who only looks at a container does not. Asking for a module takes its time also when it is there. */
let loaded: ReturnType<typeof load> | undefined;
const load = () => import("./launch-container.ts");
const starting = () => (loaded ??= load());

/**
 * A container: a specification, and while it runs its first process. Made by `host.create()`, and then nothing exists on the machine until `start()`; or
 * found by its name by `host.open()`, whoever has started it.
 *
 * @example
 * await using container = await host.create({ root: "./rootfs", namespaces: ["mount", "pid"] });
 * const process = await container.start(["/bin/ls", "/"]);
 * for await (const line of process.stdout?.lines() ?? []) console.log(line);
 */
export class Container extends ContainerControls {
  readonly spec: ContainerSpec;
  protected readonly host: ContainerHost;
  protected readonly entered = new EnteredProcesses();
  /** What others find of it, if they do. */
  #recorded: Recorded | undefined;
  readonly #name: string;
  #process: Process | undefined;
  #launch: Launch | undefined;
  /** The last one that was started, also when it has ended. */
  #latest: Launch | undefined;
  #starting: Promise<Process> | undefined;
  /** For entering: known from the first time on. */
  #running: RunningContainer | undefined;
  #cgroups: RunningContainer["cgroups"] = [];
  protected healthKeeper: HealthKeeper | undefined;
  /** Of one that nobody else finds. */
  #health: HealthNotes | undefined;
  #disposed: Promise<void> | undefined;
  #released: Promise<void> = Promise.resolve();
  /** When the hooks are through that come before those of the end, however soon that is. */
  #poststarted: Promise<void> = Promise.resolve();

  constructor(host: ContainerHost, name: string, spec: ContainerSpec) {
    super();
    this.host = host;
    this.#name = name;
    this.spec = spec;
  }

  /** A container that is there already; of one whose record cannot be read nothing is known, and it can only be removed. */
  static async found(host: ContainerHost, name: string): Promise<Container> {
    const recorded = await recordedBy(host, name);
    const container = new Container(host, name, recorded.specIfReadable());
    container.#recorded = recorded;
    return container;
  }

  get name(): string {
    return this.#recorded?.name ?? this.#name;
  }

  /** @internal Whether the container of this name that others find is this one. */
  get isStarted(): boolean {
    return this.#recorded !== undefined || this.#launch !== undefined;
  }

  /** @internal It was started here, and has ended for good: of one with lifetime "app" nothing is left. */
  get hasEnded(): boolean {
    return this.#latest !== undefined && this.#launch === undefined;
  }

  /** The process that `start` made, while it runs. */
  get process(): Process | undefined {
    return this.#process;
  }

  protected pid(): number {
    if (this.#process && !this.#isRestarted) return this.#process.pid;
    return this.#orRecorded().init().pid;
  }

  /**
   * Makes the container and executes the command in it, without one that of its specification or image. Resolves when the command is executed; rejects with a LibctError when anything failed,
   * and then nothing is left of it.
   */
  start(command?: Command, options: StartOptions = {}): Promise<Process> {
    if (this.spec.lifetime === "orphan") throw onlyPrepared();
    return this.#begin(command, options, false);
  }

  /** As `start`, but the command is not executed before `release()`, by this process or another one: until then it is "created" (OCI runtime-spec). */
  prepare(command?: Command, options: StartOptions = {}): Promise<Process> {
    if (!isRecorded(this.spec)) {
      throw new LibctError("ERR_CT_STATE", "a container that waits to be started needs a name, by which it is found");
    }
    return this.#begin(command, options, true);
  }

  async #begin(command: Command | undefined, options: StartOptions, held: boolean): Promise<Process> {
    this.#requireWanted();
    if (this.#starting || this.#launch || this.#recorded) {
      throw new LibctError("ERR_CT_STATE", `container ${this.name} is already there`);
    }
    this.#starting = this.#start(command, options, held);
    try {
      return await this.#starting;
    } finally {
      this.#starting = undefined;
    }
  }

  /** The program that `start` would run: every system call in order, each with the spec member it comes from. */
  async explain(
    command?: Command,
    options: { readonly kernel?: string | undefined } & StartOptions = {},
  ): Promise<Listing> {
    const { planStart } = await import("./plan-start.ts");
    const resolved = await planStart(this.#planned(command, options, false), options.kernel);
    const { explainProgram } = await import("../explain/index.ts");
    const listing = explainProgram((await this.host.plans()).compile(resolved).program);
    // The root's driver has got ready for a container that is not made.
    const { root } = this.spec;
    if (typeof root === "object") await root.release?.();
    return listing;
  }

  status(): StatusReport {
    if (this.#recorded) return this.#recorded.status();
    const status = this.#process ? "running" : this.#starting ? "creating" : "stopped";
    return { status, pid: this.#process?.pid, restarting: false, lost: false, startedAt: undefined };
  }

  /** Resolves when it has ended for good. */
  async wait(): Promise<ExitStatus> {
    if (this.#latest) return await this.#latest.ended;
    return await this.record().wait();
  }

  /** Sends a signal to its first process. */
  async kill(signal: NodeJS.Signals | number = "SIGKILL"): Promise<void> {
    if (this.#process) await this.#process.kill(signal);
    else await this.record().kill(signal);
  }

  /** Removes what is left when it has ended; with `force` it is killed first. */
  async remove(options: { readonly force?: boolean } = {}): Promise<void> {
    await this.record().remove(options);
    this.#recorded = undefined;
    this.host.forget(this);
  }

  protected record(): Recorded {
    if (this.#recorded) return this.#recorded;
    if (!isRecorded(this.spec)) {
      throw new LibctError("ERR_CT_STATE", 'only a container with a name, or with lifetime "host", can do this', {
        member: "name",
      });
    }
    throw notRunning(this.name);
  }

  async running(): Promise<RunningContainer> {
    const process = this.#process;
    const launch = this.#launch;
    if (!process || !launch || this.#isRestarted) return this.#found();
    if (this.#running) return this.#running;
    const { identify } = await import("../records/index.ts");
    const init = identify(process.pid);
    // The monitor's child, until the monitor says otherwise: so it is the container's process that was looked at.
    await launch
      .call((block, register) => block.sys("kill", [register("init"), 0]))
      .catch((error: unknown) => {
        throw ended(this.name, error);
      });
    if (!init) throw ended(this.name);
    this.#running = { name: this.name, init, spec: this.spec, cgroups: this.#cgroups, scope: launch.cgroup?.scope };
    return this.#running;
  }

  #found(): RunningContainer {
    const recorded = this.#orRecorded();
    const { cgroup } = recorded.read().record;
    return {
      name: this.name,
      init: recorded.init(),
      spec: this.spec,
      cgroups: cgroup?.directories ?? [],
      scope: cgroup?.scope,
    };
  }

  get cgroup(): Cgroup | undefined {
    return this.#launch?.cgroup ?? this.#recorded?.read().record.cgroup;
  }

  protected limited(): Limited {
    if (!this.#process) this.#orRecorded().init();
    return { cgroup: this.cgroup };
  }

  protected watched(): Watched {
    const launch = this.#launch;
    if (launch && this.#process && !this.#isRestarted)
      return { cgroup: launch.cgroup, runs: () => [onlyRun(launch.ended)], ...this.#healthWatched() };
    const recorded = this.#orRecorded();
    if (!recorded.status().restarting) recorded.init();
    return { cgroup: this.cgroup, runs: (signal) => recorded.runs(signal), ...this.#healthWatched() };
  }

  /** Its first process may be another one than `start` has made, which only its record tells. */
  get #isRestarted(): boolean {
    return (this.spec.restart?.policy ?? "no") !== "no" && this.#recorded !== undefined;
  }

  #healthWatched(): Pick<Watched, "checked"> {
    return this.spec.healthcheck ? { checked: () => this.checked() } : {};
  }

  protected async healthNotes(): Promise<HealthNotes> {
    const { HealthFile, HealthMemory } = await import("../records/index.ts");
    if (this.#recorded) return new HealthFile(this.host.zygote, this.#recorded.read().directory);
    this.#health ??= new HealthMemory();
    return this.#health;
  }

  async #keepHealth(launch: Launch): Promise<void> {
    try {
      const { HealthKeeper } = await import("./health-keeper.ts");
      const checked = await this.checked();
      if (this.#launch === launch) this.healthKeeper = new HealthKeeper(checked);
      else checked.notes.close();
    } catch (error) {
      if (this.#launch === launch) throw error;
      // It has ended already.
    }
  }

  #orRecorded(): Recorded {
    if (this.#recorded) return this.#recorded;
    throw notRunning(this.name);
  }

  /** Kills what runs, and waits until nothing is left. A container with lifetime "host" is only let go of. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return await this.#disposed;
    this.#disposed = this.#dispose();
    await this.#disposed;
  }

  async #dispose(): Promise<void> {
    // A start that is under way sees that the container is going.
    await this.#starting?.catch(() => undefined);
    const launch = this.#launch;
    if (!outlives(this.spec)) {
      await launch?.kill();
      await launch?.ended.catch(() => undefined);
    }
    await this.entered.end();
    if (this.#latest) closeUnread(this.#latest);
    this.host.forget(this);
    await this.#released;
  }

  /** Who joins a network may find that somebody else was quicker to take an address. */
  async #start(command: Command | undefined, options: StartOptions, held: boolean): Promise<Process> {
    if (!this.spec.nics) return await this.#attempt(command, options, held);
    if (Object.values(this.spec.nics).some(({ mac }) => mac !== undefined)) {
      const { refuseTakenMacs } = await import("./taken-macs.ts");
      await refuseTakenMacs(this.spec.nics, this.#name, this.host);
    }
    const { startInNetworks } = await import("./start-in-networks.ts");
    return await startInNetworks(this.host, this.spec, (tried) => this.#attempt(command, options, held, tried));
  }

  async #attempt(command: Command | undefined, options: StartOptions, held: boolean, tried?: Tried): Promise<Process> {
    throwIfAborted(options.signal);
    const recorded = isRecorded(this.spec) ? await recordedBy(this.host, this.#name) : undefined;
    const launch = await this.#prepare({ ...this.#planned(command, options, held), tried });
    const begun = this.#begun(launch, held, options.signal);
    this.#follow(launch);
    const pid = await launch.started.catch(async (error: unknown) => {
      closeUnread(launch);
      await this.#released;
      if (isRecorded(this.spec)) (await this.host.records()).remove(this.name);
      throw error;
    });
    const process = new Process(pid, launch);
    // It may have ended already.
    const isGone = this.#launch !== launch;
    if (!isGone || outlives(this.spec)) this.#recorded = recorded;
    if (this.spec.lifetime === "orphan") {
      launch.leave();
      return process;
    }
    if (options.signal?.aborted) {
      await launch.kill();
      await launch.ended;
      throwIfAborted(options.signal);
    }
    if (!isGone) this.#process = process;
    killOnAbort(process, options.signal);
    await begun;
    if (this.spec.healthcheck && !outlives(this.spec)) await this.#keepHealth(launch);
    return process;
  }

  /** Resolves when the hooks are through that follow its start. */
  #begun(launch: Launch, held: boolean, signal: AbortSignal | undefined): Promise<void> {
    const begun = launch.started.then(async (pid) => {
      if (held || signal?.aborted) return;
      await runPoststart(this.spec, pid, async () => {
        await launch.kill();
        await launch.ended;
      });
    });
    this.#poststarted = begun.catch(() => undefined); // Who starts it gets the error.
    return begun;
  }

  /** From now on this is what runs. */
  #follow(launch: Launch): void {
    if (this.#latest) closeUnread(this.#latest);
    this.#launch = launch;
    this.#latest = launch;
    const gone = () => {
      // Nobody is left to read it.
      launch.streams.stdin?.destroy();
      this.#gone();
    };
    launch.ended.then(gone, gone);
  }

  /** When it cannot be made, or nobody wants it any more, the root driver is told. */
  async #prepare(start: PlannedStart): Promise<Launch> {
    try {
      const { launchContainer } = await starting();
      const { launch, cgroups } = await launchContainer(start, () => this.#requireWanted());
      this.#cgroups = cgroups;
      return launch;
    } catch (error) {
      await this.#release();
      throw error;
    }
  }

  #requireWanted(): void {
    if (this.#disposed) throw new LibctError("ERR_CT_STATE", `container ${this.name} is gone`);
  }

  #planned(command: Command | undefined, options: StartOptions, held: boolean): PlannedStart {
    const { host, name, spec } = this;
    return { host, name, spec, command, options, held };
  }

  #gone(): void {
    this.#launch = undefined;
    this.#process = undefined;
    this.#running = undefined;
    this.healthKeeper = undefined;
    // The record has gone with it.
    if (!outlives(this.spec)) this.#recorded = undefined;
    this.entered.kill();
    this.#released = this.#poststarted.then(() => this.#release());
    // Who disposes of the container gets the error.
    this.#released.catch(() => undefined);
  }

  async #release(): Promise<void> {
    const { root } = this.spec;
    if (typeof root === "object") await root.release?.();
    // Of one that others find it comes when it is removed.
    if (!outlives(this.spec)) await runPoststop(this.spec);
  }
}

/** A container by its record, which is loaded for those only that have one. */
async function recordedBy(host: ContainerHost, name: string): Promise<Recorded> {
  const { Recorded } = await import("./recorded.ts");
  return new Recorded(host.zygote, await host.records(), name);
}

const outlives = ({ lifetime = "app" }: ContainerSpec) => lifetime !== "app";

const onlyPrepared = () =>
  new LibctError("ERR_CT_STATE", 'a container with lifetime "orphan" is made by prepare(), and started by release()');
const onlyRun = (ended: Promise<ExitStatus>): ContainerRun => ({ restarts: 0, ended: ended.catch(() => undefined) });
