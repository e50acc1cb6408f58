import type { CgroupUsage } from "../cgroup/index.ts";
import { LibctError } from "../errors.ts";
import { type Executor, startExecutor, type Zygote } from "../executor/index.ts";
import type { Imported } from "../flavours/index.ts";
import type { KernelFeatures } from "../linux/index.ts";
import type { RecordStore } from "../records/index.ts";
import type { ContainerSpec } from "../spec/index.ts";
import type { Measured } from "./all-stats.ts";
import { type Caller, readCaller } from "./caller.ts";
import { Container } from "./container.ts";
import type { ContainerHost } from "./container-host.ts";
import type { ContainerStats, ContainerStatsPart } from "./container-stats.ts";
import { dataDirectory } from "./data-directory.ts";
import type { HostFeatures } from "./doctor.ts";
import type { ImagesContext } from "./images/context.ts";
import { Images } from "./images/images.ts";
import type { ImageOptions } from "./images/use.ts";
import type { ImportOptions } from "./import.ts";
import type { ImportSource } from "./import-source.ts";
import type { ContainerListing } from "./inspect.ts";
import { isRecorded } from "./is-recorded.ts";
import type { Meter } from "./meter.ts";
import type { Networks } from "./networks.ts";
import type { PassingExecutors } from "./passing.ts";
import type { Plans } from "./plans.ts";
import type { Repair } from "./repair.ts";
import type { Surroundings } from "./resolve.ts";
import type { RunResult } from "./run.ts";
import type { RunOptions } from "./run-options.ts";
import { scratchDirectory } from "./scratch.ts";
import { Volumes } from "./volumes/volumes.ts";

export interface HostOptions {
  /** The executor to use instead of the one that comes with the package. */
  readonly executor?: string;
  /** Where containers that others can find are written down. Default: /run/libct for root, else $XDG_RUNTIME_DIR/libct */
  readonly stateDirectory?: string;
  /** Where images and volumes are kept. Default: /var/lib/libct for root, else $XDG_DATA_HOME/libct (~/.local/share/libct) */
  readonly dataDirectory?: string;
  /** @internal One that was started already. */
  readonly started?: Executor;
}

/** A container's specification, or what differs in it from what an image says. */
export interface CreateOptions extends ContainerSpec {
  /** Its root, command, environment and the like are the image's; it is fetched when it is not here. */
  readonly image?: string | ImageOptions;
}

/**
 * A machine that containers run on: this one. Owns the executor process; when it is closed, or its application dies, its containers end and leave nothing behind.
 *
 * @example
 * await using host = await Host.open();
 * const { stdout } = await host.run(["sh", "-c", "id; hostname"]);
 */
export class Host {
  readonly #zygote: Zygote;
  readonly #containers = new Map<string, Container>();
  readonly #caller: Caller;
  readonly #stateDirectory: string | undefined;
  readonly #dataDirectory: string | undefined;
  #images: Images | undefined;
  #volumes: Volumes | undefined;
  readonly #executorPath: string | undefined;
  #passing: PassingExecutors | undefined;
  readonly #executor: Executor;
  #store: RecordStore | undefined;
  #plans: Plans | undefined;
  #surroundings: Promise<Surroundings> | undefined;

  private constructor(executor: Executor, caller: Caller, options: HostOptions) {
    this.#zygote = executor.zygote;
    this.#executor = executor;
    this.#caller = caller;
    this.#stateDirectory = options.stateDirectory;
    this.#dataDirectory = options.dataDirectory;
    this.#executorPath = options.executor;
  }

  static async open(options: HostOptions = {}): Promise<Host> {
    const executor = options.started ?? (await startExecutor(options.executor));
    try {
      // While it starts.
      const caller = readCaller();
      // One that was started by `ct` is asked things before it is ready: it answers when it is.
      if (!options.started) await executor.ready;
      return new Host(executor, caller, options);
    } catch (error) {
      await executor.zygote.close();
      throw error;
    }
  }

  /** The containers made here that are not gone. */
  get containers(): readonly Container[] {
    return [...this.#containers.values()];
  }

  /** The images that are kept here, and those that can be fetched. */
  get images(): Images {
    this.#images ??= new Images(this.#imagesContext());
    return this.#images;
  }

  /** Directories with names that stay when containers go. */
  get volumes(): Volumes {
    this.#volumes ??= new Volumes(this.#imagesContext());
    return this.#volumes;
  }

  #imagesContext(): ImagesContext {
    const runner = this.#zygote;
    return {
      store: { directory: dataDirectory(this.#caller.uid, this.#dataDirectory), runner },
      caller: this.#caller,
      worker: async () => (await import("./images/worker.ts")).makeWorker(runner, this.#caller),
      records: () => this.#records(),
    };
  }

  /** The process id of the executor. */
  get executorPid(): number {
    return this.#zygote.pid;
  }

  /** Checks a specification and gives a Container for it. Nothing is made on the machine yet. */
  async create(given: CreateOptions): Promise<Container> {
    const valid = (await this.#planning()).validate(await this.#ofImage(given));
    const name = valid.name ?? randomName();
    if (this.#containers.has(name)) {
      throw new LibctError("ERR_CT_NAME_IN_USE", `there is a container named ${name} already`, { member: "name" });
    }
    if (isRecorded(valid) && (await this.#records()).has(name)) {
      throw new LibctError("ERR_CT_NAME_IN_USE", `there is a container named ${name} already`, {
        member: "name",
        hint: `choose another name, or remove it: ct rm ${name}`,
      });
    }
    const container = new Container(this.#forContainers(), name, valid);
    this.#containers.set(name, container);
    return container;
  }

  async #ofImage({ image, ...spec }: CreateOptions): Promise<ContainerSpec> {
    const named = spec.mounts?.some(({ type }) => type === "volume") ?? false;
    if (image === undefined && !named) return spec;
    const { specOfImage, withVolumes } = await import("./images/spec.ts");
    const whole = image === undefined ? spec : await specOfImage(this.images, image, spec);
    return named ? await withVolumes(this.#imagesContext(), whole) : whole;
  }

  /**
   * A container of LXC, OpenVZ or systemd-nspawn, or an OCI bundle, in libct's own terms: its specification, its first process, and what of its configuration is
   * not followed, and why. Nothing is made yet.
   *
   * @example
   * const { spec, process, notes } = await host.import({ lxc: "web" });
   * await using container = await host.create(spec);
   * await container.start(process);
   */
  async import(source: string | ImportSource, options: ImportOptions = {}): Promise<Imported> {
    return await (await import("./import.ts")).importContainer(source, this.#caller, options);
  }

  /** A container of this user by its name, whoever has started it. */
  async open(name: string): Promise<Container> {
    const own = this.#containers.get(name);
    // Another one may have been quicker to take the name of one that was not started here.
    if (own && (own.isStarted || !(await this.#records()).has(name))) return own;
    return await Container.found(this.#forContainers(), name);
  }

  /** Every container of this user that has a name, whoever has started it; one whose record cannot be read is reported in its place. */
  async list(): Promise<readonly ContainerListing[]> {
    const { listContainers } = await import("./inspect.ts");
    return listContainers(await this.#records());
  }

  /**
   * What every container uses that runs and has cgroups, by its name: those made here and all others of this user that have a name. `parts` to read less: each
   * file takes the kernel about ten microseconds, and all parts are some twenty files.
   *
   * @example
   * for (const [name, { memory }] of await host.stats({ parts: ["memory"] })) console.log(name, memory?.usage);
   */
  async stats(
    options: { readonly parts?: readonly ContainerStatsPart[] } = {},
  ): Promise<ReadonlyMap<string, ContainerStats>> {
    const { readContainerStats } = await import("./container-stats.ts");
    return await this.#readAll(({ cgroup, networked }) => readContainerStats(cgroup, networked, options.parts));
  }

  /** The least of `stats`, from three files each: processor time, memory, processes. A thousand containers take 50 to 75 ms, and 30 ms with `meter`. */
  async usage(): Promise<ReadonlyMap<string, CgroupUsage>> {
    const { readUsage } = await import("../cgroup/index.ts");
    return await this.#readAll(({ cgroup }) => readUsage(cgroup));
  }

  /** For who asks for `stats` or `usage` again and again: faster, for descriptors that it keeps until it is disposed of. */
  async meter(): Promise<Meter> {
    const [{ Meter }, { measuredOfAll }] = [await import("./meter.ts"), await import("./all-stats.ts")];
    const records = await this.#records();
    return new Meter(() => measuredOfAll(this.containers, records));
  }

  async #readAll<T>(read: (container: Measured) => T): Promise<ReadonlyMap<string, T>> {
    const { measuredOfAll, readAll } = await import("./all-stats.ts");
    return await readAll(measuredOfAll(this.containers, await this.#records()), read);
  }

  /** Removes what containers have left behind whose monitor was killed. Gives what it was. */
  async repair(): Promise<readonly Repair[]> {
    const { repairAll } = await import("./repair-all.ts");
    return await repairAll(await this.#records(), await this.surroundings());
  }

  async #records(): Promise<RecordStore> {
    if (this.#store) return this.#store;
    const { RecordStore } = await import("../records/index.ts");
    const { recordsDirectory } = await import("./state-directory.ts");
    this.#store ??= new RecordStore(recordsDirectory(this.#caller.uid, this.#stateDirectory));
    return this.#store;
  }

  async #pass(fds: readonly number[]): Promise<Zygote> {
    const { PassingExecutors } = await import("./passing.ts");
    this.#passing ??= new PassingExecutors(this.#executorPath);
    return await this.#passing.start(fds);
  }

  #forContainers(): ContainerHost {
    return {
      zygote: this.#zygote,
      passing: (fds) => this.#pass(fds),
      records: () => this.#records(),
      surroundings: () => this.surroundings(),
      plans: () => this.#planning(),
      forget: (gone) => {
        for (const [name, one] of this.#containers) if (one === gone) this.#containers.delete(name);
      },
    };
  }

  /**
   * Networks that containers share.
   *
   * @example
   * await host.networks.create({ name: "web" });
   * await host.run(["httpd", "-f"], { nics: { eth0: { type: "network", network: "web" } }, ports: [{ hostPort: 8080, containerPort: 80 }] });
   */
  get networks(): Networks {
    // Loaded when one of them is asked for.
    const load = async () => (await import("./networks.ts")).networksOf(() => this.surroundings());
    return {
      create: async (options) => (await load()).create(options),
      list: async () => (await load()).list(),
      inspect: async (name) => (await load()).inspect(name),
      remove: async (name) => (await load()).remove(name),
      prune: async () => (await load()).prune(),
    };
  }

  /**
   * Runs a command in a throw-away container, by default over the machine's own root, and gives its output. With an image no words are its own command.
   *
   * @example
   * const { stdout } = await host.run(["cat", "/etc/os-release"], { image: "alpine" });
   */
  async run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { runCommand } = await import("./run.ts");
    return await runCommand(this, args, options);
  }

  /** What this kernel and this user can do, and what is missing for the rest. */
  async features(): Promise<HostFeatures> {
    const { features, scratch, givenDirectory } = await this.surroundings();
    const [{ diagnose }, { gatherFacts }] = [await import("./doctor.ts"), await import("./facts.ts")];
    return diagnose(await gatherFacts(this.#zygote, features, this.#caller, scratch, givenDirectory));
  }

  /** The features of the kernel, probed once. */
  async kernel(): Promise<KernelFeatures> {
    return (await this.surroundings()).features;
  }

  get caller(): Caller {
    return this.#caller;
  }

  /** @internal */
  surroundings(): Promise<Surroundings> {
    this.#surroundings ??= this.#executor.features.then((features) => ({
      features,
      caller: this.#caller,
      scratch: scratchDirectory(this.#caller.uid),
      runner: this.#zygote,
      executor: this.#executorPath,
      stateDirectory: async () => {
        const { directory } = await this.#records();
        return directory.slice(0, directory.lastIndexOf("/"));
      },
      givenDirectory: this.#stateDirectory,
    }));
    return this.#surroundings;
  }

  async #planning(): Promise<Plans> {
    if (this.#plans) return this.#plans;
    const { Plans } = await import("./plans.ts");
    this.#plans ??= new Plans();
    return this.#plans;
  }

  /** Ends every container of this Host, but for those with lifetime "host", and the executor. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.containers.map((container) => container[Symbol.asyncDispose]()));
    await this.#passing?.close();
    await this.#zygote.close();
  }
}

/** Not a secret: it only has to be another one each time. */
const randomName = () => Math.random().toString(16).slice(2, 14).padEnd(12, "0");
