import { readFileSync } from "node:fs";
import { type Cgroup, type CgroupUsage, type DescriptorBudget, KeptFiles, readUsage } from "../cgroup/index.ts";
import { type Measured, readAll } from "./all-stats.ts";
import { type ContainerStats, type ContainerStatsPart, readContainerStats } from "./container-stats.ts";

/**
 * Reads what all containers use again and again, in half the time of `host.usage()` and `host.stats()`, by keeping the files open that
 * it has read: three descriptors for each container, or some twenty. It takes at most half of the descriptors that the application may have; the files that are
 * left are opened each time. Containers may come and go.
 *
 * @example
 * await using meter = await host.meter();
 * for (;;) { show(await meter.usage()); await oneSecond(); }
 */
export class Meter {
  readonly #find: () => ReadonlyMap<string, Measured>;
  readonly #budget: DescriptorBudget = { left: halfOfOpenFiles() };
  readonly #kept = new Map<string, KeptFiles>();

  /** @internal */
  constructor(find: () => ReadonlyMap<string, Measured>) {
    this.#find = find;
  }

  /** As `host.stats`. */
  stats(
    options: { readonly parts?: readonly ContainerStatsPart[] } = {},
  ): Promise<ReadonlyMap<string, ContainerStats>> {
    return this.#read(({ cgroup, networked }, files) => readContainerStats(cgroup, networked, options.parts, files));
  }

  /** As `host.usage`. */
  usage(): Promise<ReadonlyMap<string, CgroupUsage>> {
    return this.#read(({ cgroup }, files) => readUsage(cgroup, files));
  }

  async #read<T>(read: (container: Measured, files: KeptFiles) => T): Promise<ReadonlyMap<string, T>> {
    const containers = this.#find();
    const present = new Set([...containers.values()].map(({ cgroup }) => keyOf(cgroup)));
    for (const key of [...this.#kept.keys()]) if (!present.has(key)) this.#forget(key);
    return await readAll(containers, (container) => {
      const key = keyOf(container.cgroup);
      const files = this.#kept.get(key) ?? new KeptFiles(this.#budget);
      this.#kept.set(key, files);
      try {
        return read(container, files);
      } catch (error) {
        this.#forget(key);
        throw error;
      }
    });
  }

  #forget(key: string): void {
    this.#kept.get(key)?.close();
    this.#kept.delete(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const key of [...this.#kept.keys()]) this.#forget(key);
  }
}

/** A container may be renamed, and its place taken by another. */
const keyOf = ({ directories }: Cgroup): string => directories[0]?.path ?? "";

function halfOfOpenFiles(): number {
  const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return soft === undefined ? Number.MAX_SAFE_INTEGER : Math.floor(Number(soft) / 2);
}
