import { type Cgroup, pidsOf, signalAll } from "../cgroup/index.ts";
import { LibctError } from "../errors.ts";
import type { Listing } from "../explain/index.ts";
import type { HealthNotes, HealthReport, LogEntry, LogOptions, StatusReport } from "../records/index.ts";
import {
  type ContainerNetworks,
  type ContainerSpec,
  type Device,
  type Mount,
  NAMESPACE_FILES,
  type NamespaceType,
  type Resources,
  type Rlimit,
} from "../spec/index.ts";
import type { Attachment } from "./attach.ts";
import { type ContainerEvent, containerEvents, type EventsOptions, type Watched } from "./container-events.ts";
import type { ContainerHost } from "./container-host.ts";
import type { ContainerLinkEvent } from "./container-links.ts";
import type { ContainerNetwork } from "./container-network.ts";
import type { ContainerNics } from "./container-nics.ts";
import { type Limited, pause, refusePaused, resume, stats } from "./container-resources.ts";
import type { ContainerStats } from "./container-stats.ts";
import type { EnterOptions } from "./enter.ts";
import type { EnteredProcesses } from "./entered-processes.ts";
import type { Checked } from "./health.ts";
import type { HealthKeeper } from "./health-keeper.ts";
import type { ContainerInfo } from "./inspect.ts";
import { isRecorded } from "./is-recorded.ts";
import type { LinkEvent } from "./link-events.ts";
import type { UnmountOptions } from "./live.ts";
import type { Process } from "./process.ts";
import type { Recorded, StopOptions } from "./recorded.ts";
import type { RunningContainer } from "./running-container.ts";
import { numberOf } from "./signal-number.ts";
import type { Command } from "./start-options.ts";

const entering = () => import("./enter.ts");
const changing = () => import("./live.ts");
const networking = () => import("./live-nics.ts");
const publishing = () => import("./live-ports.ts");
const checking = () => import("./health.ts");

/** What can be done with a container that is there, whoever has started it. What most of it needs is loaded when it is called. */
export abstract class ContainerControls {
  abstract readonly name: string;
  abstract readonly spec: ContainerSpec;
  protected abstract readonly host: ContainerHost;
  /** The processes that have entered it from here. */
  protected abstract readonly entered: EnteredProcesses;

  /** What is true of it now. */
  abstract status(): StatusReport;
  /** Where its limits are kept while it runs: plain JSON. Undefined without `resources`, or where this user can make no cgroup. */
  abstract get cgroup(): Cgroup | undefined;
  /** @internal What others need to enter the container or to change it. Throws ERR_CT_STATE when it does not run. */
  abstract running(): Promise<RunningContainer>;
  /** Its record. Throws ERR_CT_STATE when others cannot find it. */
  protected abstract record(): Recorded;
  /** Its cgroup. Throws ERR_CT_STATE when it does not run. */
  protected abstract limited(): Limited;
  /** Its cgroup and its runs. Throws ERR_CT_STATE when it does not run and is not to be started again. */
  protected abstract watched(): Watched;
  protected abstract pid(): number;
  /** What is known of its health; to be closed. */
  protected abstract healthNotes(): Promise<HealthNotes>;
  /** Who checks it here anyway. */
  protected abstract readonly healthKeeper: HealthKeeper | undefined;

  /** The path of a namespace of the running container, to be joined by another: `namespaces: [{ type: "network", path }]`. */
  namespacePath(type: NamespaceType): string {
    return `/proc/${this.pid()}/ns/${NAMESPACE_FILES[type]}`;
  }

  /** All that is known of it. */
  info(): ContainerInfo {
    return this.record().info();
  }

  /** Lets a container go that `prepare` has made. */
  async release(): Promise<void> {
    await this.record().start();
  }

  /** Asks it to end, kills it after `timeout` seconds, and resolves when it has ended. It is not started again. */
  async stop(options: StopOptions = {}): Promise<void> {
    await this.record().stop(options);
  }

  /** What it has written, of a container with lifetime "host". */
  logs(options: LogOptions = {}): AsyncGenerator<LogEntry> {
    return this.record().logs(options);
  }

  /** Its output from now on, and its input. */
  attach(signal?: AbortSignal): Attachment {
    return this.record().attach(this.spec, signal);
  }

  async rename(name: string): Promise<void> {
    const { Plans } = await import("./plans.ts");
    await this.record().rename(new Plans().validate({ name }).name ?? name);
  }

  /**
   * Executes another command in the running container: in its namespaces, its root and its cgroups. What the command does not say comes from the container's
   * `process`. Resolves when it is executed.
   *
   * @example
   * const { exitCode } = await (await container.exec(["ps"], { stdout: "inherit" })).wait();
   */
  async exec(command: Command, options: EnterOptions = {}): Promise<Process> {
    const running = await this.running();
    if (!options.ignorePaused) refusePaused(this.name, this.cgroup);
    return await this.#enter(running, command, options);
  }

  async #enter(running: RunningContainer, command: Command, options: EnterOptions): Promise<Process> {
    const launch = await (await entering()).launchEntry(this.host, running, command, options);
    return await this.entered.add(launch, options.signal);
  }

  /** The program that `exec` would run. */
  async explainExec(
    command: Command,
    options: EnterOptions & { readonly kernel?: string | undefined } = {},
  ): Promise<Listing> {
    return await (await entering()).explainEntry(this.host, await this.running(), command, options);
  }

  /** Adds a mount while the container runs; its target is made when it is missing. Bind mounts need Linux 5.2. When it fails nothing is left of it. */
  async mount(mount: Mount): Promise<void> {
    await (await changing()).addMount(this.host, await this.running(), mount);
  }

  /** Takes a mount away while the container runs; with `detach` also one that is in use. */
  async unmount(destination: string, options: UnmountOptions = {}): Promise<void> {
    await (await changing()).removeMount(this.host, await this.running(), destination, options);
  }

  /** Adds a device while the container runs. */
  async addDevice(device: Device): Promise<void> {
    await (await changing()).addDevice(this.host, await this.running(), device);
  }

  async removeDevice(path: string): Promise<void> {
    await (await changing()).removeDevice(this.host, await this.running(), path);
  }

  async *#linkEvents(signal: AbortSignal | undefined): AsyncGenerator<LinkEvent, void, undefined> {
    const { linkEvents } = await import("./link-events.ts");
    yield* linkEvents(await this.host.surroundings(), await this.running(), signal);
  }

  /** What is written down of its networks, if anything is. */
  #networks(): ContainerNetworks | undefined {
    return isRecorded(this.spec) ? this.info().networks : undefined;
  }

  /** Its network interfaces while it runs. */
  get nics(): ContainerNics {
    return {
      list: async () => (await networking()).listNics(this.host, await this.running()),
      attach: async (name, nic) => (await networking()).attachNic(this.host, await this.running(), name, nic),
      detach: async (name) => (await networking()).detachNic(this.host, await this.running(), name, this.#networks()),
      set: async (name, change) => (await networking()).setNic(this.host, await this.running(), name, change),
      publish: async (port) =>
        (await publishing()).publishPort(this.host, await this.running(), this.info().networks, port),
      unpublish: async (port) =>
        (await publishing()).unpublishPort(this.host, await this.running(), this.info().networks, port),
      check: async (name) => (await networking()).checkNic(this.host, await this.running(), name),
      events: ({ signal } = {}) => this.#linkEvents(signal),
    };
  }

  async setHostname(hostname: string): Promise<void> {
    await (await changing()).setNames(this.host, await this.running(), { hostname });
  }

  async setDomainname(domainname: string): Promise<void> {
    await (await changing()).setNames(this.host, await this.running(), { domainname });
  }

  /** Sets kernel parameters of the container's namespaces: all of them, or none when one fails. */
  async setSysctl(values: Readonly<Record<string, string>>): Promise<void> {
    await (await changing()).setSysctl(this.host, await this.running(), values);
  }

  /** Sets resource limits of all processes that run in the container. */
  async setRlimits(rlimits: readonly Rlimit[]): Promise<void> {
    await (await changing()).setRlimits(this.host, await this.running(), rlimits);
  }

  /**
   * Changes limits while it runs; what is not named stays as it is. When the kernel refuses one of them, those changed before are put back, and a LibctError names
   * the file, the value and the reason.
   *
   * @example
   * await container.update({ memory: { limit: "256M" }, cpu: { quota: 50000, period: 100000 } });
   */
  async update(resources: Resources): Promise<void> {
    const { updateResources } = await import("./update-resources.ts");
    await updateResources(this.limited(), this.host.zygote, resources);
  }

  /** Its interfaces with their addresses and, of a pair, the other side on the host; and its routes. Those of the host when it has no network of its own. */
  async network(): Promise<ContainerNetwork> {
    const { lookInto } = await import("./container-network.ts");
    const { caller } = await this.host.surroundings();
    return await lookInto(this.host.zygote, await this.running(), caller.privileged);
  }

  /** What it uses: processor time, memory, processes, disk and network traffic. */
  async stats(): Promise<ContainerStats> {
    const limited = this.limited();
    const networked = this.spec.namespaces?.some((one) => (typeof one === "string" ? one : one.type) === "network");
    return await stats(limited, networked ? (await this.running()).init : undefined);
  }

  /** Sends a signal to all of its processes. A SIGKILL reaches also those that are being made. */
  async killAll(signal: NodeJS.Signals | number = "SIGKILL"): Promise<void> {
    const { cgroup } = this;
    if (!cgroup)
      throw new LibctError("ERR_CT_STATE", `which processes container ${this.name} has is not known: it has no cgroup`);
    await signalAll(cgroup, numberOf(signal));
  }

  /** The host's pids of its processes. */
  pids(): readonly number[] {
    return this.cgroup ? pidsOf(this.cgroup) : [];
  }

  /** Stops all of its processes where they are, until `resume`. Resolves when they stand still. */
  async pause(): Promise<void> {
    await pause(this.limited());
  }

  async resume(): Promise<void> {
    await resume(this.limited());
  }

  /**
   * What happens to it from now on, until it ends for good or `signal` fires: limits that are reached, processes killed for memory, pauses, its health, its network
   * interfaces (unless `links` is false), the end of each run, and each start by its restart policy.
   *
   * @example
   * for await (const event of container.events()) if (event.type === "start") console.log(`restart ${event.restarts}`);
   */
  events({ signal, links = true }: EventsOptions = {}): AsyncGenerator<ContainerEvent, void, undefined> {
    const watched = this.watched();
    return containerEvents(links ? { ...watched, links: (stop) => this.#links(stop) } : watched, signal);
  }

  async *#links(signal: AbortSignal): AsyncGenerator<ContainerLinkEvent, void, undefined> {
    const { containerLinks } = await import("./container-links.ts");
    yield* containerLinks(this.host, () => this.running(), signal);
  }

  /**
   * Its health after each check, until it has ended for good or `signal` fires. A container with lifetime "app" is checked by its Host anyway, and these are
   * the results. Any other is checked by whoever reads this, and by each of several who do.
   *
   * @example
   * for await (const { status, last } of container.health()) console.log(status, last?.output);
   */
  async *health(signal?: AbortSignal): AsyncGenerator<HealthReport, void, undefined> {
    const { healthKeeper } = this;
    if (healthKeeper) yield* healthKeeper.reports(signal);
    else yield* (await checking()).watchHealth(await this.checked(), signal);
  }

  /** Makes one check of its health now, besides those at intervals. It counts as they do. */
  async checkHealth(): Promise<HealthReport> {
    return await (await checking()).checkOnce(await this.checked());
  }

  /** Throws ERR_CT_STATE without a health check, and when it does not run. */
  protected async checked(): Promise<Checked> {
    const { name, cgroup } = this;
    const { healthcheck } = this.spec;
    if (!healthcheck) {
      throw new LibctError("ERR_CT_STATE", `container ${name} has no health check`, {
        member: "healthcheck",
        hint: "it is given to a container when it is made (ct run --health-cmd)",
      });
    }
    const { runs } = this.watched();
    return {
      name,
      healthcheck,
      runs,
      notes: await this.healthNotes(),
      running: () => this.running(),
      enter: async (running, command, options) => {
        refusePaused(name, cgroup);
        return await this.#enter(running, command, options);
      },
    };
  }
}
