import { type FSWatcher, watch } from "node:fs";
import { LibctError } from "../errors.ts";
import { isGone, parseFlat, readIfThere } from "./files.ts";
import { type Cgroup, directoryOf, unifiedOf } from "./handle.ts";

/** Something that the kernel has seen in a container's cgroups. */
export interface CgroupEvent {
  /**
   * - `oom`: the limit of memory was reached and nothing could be reclaimed (cgroup v2 only)
   * - `oom-kill`: processes were killed for it
   * - `memory-pressure`: the limit stood in the way, and something was reclaimed
   * - `pids-limit`: a process could not be made because of the limit
   * - `frozen`, `thawed`: every process was stopped, or goes on
   * - `empty`, `populated`: the last process has ended, or there is one again
   */
  readonly type: "oom" | "oom-kill" | "memory-pressure" | "pids-limit" | "frozen" | "thawed" | "empty" | "populated";
  /** How often since the event before, where it is counted. */
  readonly count: number;
}

/** A file, and what a larger number behind a name in it means. */
interface Source {
  readonly path: string;
  readonly counters: Readonly<Record<string, CgroupEvent["type"]>>;
  /** Names with 0 or 1, and what each means. */
  readonly states: Readonly<Record<string, readonly [CgroupEvent["type"], CgroupEvent["type"]]>>;
}

/**
 * How often the files are looked at, in milliseconds. Those of version 1 tell of nothing by themselves but through an eventfd, which Node.js cannot make. Those
 * of version 2 do, but for their own removal.
 */
const INTERVAL: Readonly<Record<1 | 2, number>> = { 1: 100, 2: 1000 };

/**
 * What happens in a container's cgroups from now on, until `signal` fires or the cgroups are gone. With version 2 the kernel tells at once
 * (inotify(7) on the events files); with version 1 the files are read ten times a second, so what happens within that time is one event with a count.
 *
 * @example
 * for await (const { type, count } of events(handle)) console.log(type, count);
 */
export async function* events(
  cgroup: Cgroup,
  signal?: AbortSignal,
  since: EventsBaseline = eventsBaseline(cgroup),
): AsyncGenerator<CgroupEvent, void, undefined> {
  const sources = sourcesOf(cgroup);
  if (sources.length === 0) {
    throw new LibctError("ERR_CT_NOT_SUPPORTED", "the container has no cgroup that tells of events");
  }
  const alarm = new Alarm(cgroup, sources, signal);
  try {
    let before = since;
    while (!signal?.aborted && before.some((values) => values !== undefined)) {
      await alarm.rings();
      const now = sources.map(readSource);
      for (const [index, source] of sources.entries()) yield* changes(source, before[index], now[index]);
      before = now;
    }
  } finally {
    alarm.close();
  }
}

/** What the files say at a moment, for who wants to hear of all that happens from then on. */
export type EventsBaseline = readonly (ReadonlyMap<string, number> | undefined)[];

export const eventsBaseline = (cgroup: Cgroup): EventsBaseline => sourcesOf(cgroup).map(readSource);

function sourcesOf(cgroup: Cgroup): readonly Source[] {
  const [memory, pids, unified] = [directoryOf(cgroup, "memory"), directoryOf(cgroup, "pids"), unifiedOf(cgroup)];
  const sources: Source[] = [];
  if (memory?.version === 2) {
    const counters = { oom: "oom", oom_kill: "oom-kill", max: "memory-pressure" } as const;
    sources.push({ path: `${memory.path}/memory.events`, counters, states: {} });
  } else if (memory) {
    sources.push({ path: `${memory.path}/memory.oom_control`, counters: { oom_kill: "oom-kill" }, states: {} });
    sources.push({ path: `${memory.path}/memory.failcnt`, counters: { "": "memory-pressure" }, states: {} });
  }
  if (pids) sources.push({ path: `${pids.path}/pids.events`, counters: { max: "pids-limit" }, states: {} });
  if (unified) {
    const states = { populated: ["empty", "populated"], frozen: ["thawed", "frozen"] } as const;
    sources.push({ path: `${unified.path}/cgroup.events`, counters: {}, states });
  }
  return sources;
}

/** Undefined: the cgroup is gone. A file with a number alone has it under the empty name. */
function readSource({ path }: Source): ReadonlyMap<string, number> | undefined {
  try {
    const text = readIfThere(path);
    if (text === undefined) return undefined;
    return /[a-z]/.test(text) ? parseFlat(text) : new Map([["", Number(text)]]);
  } catch (error) {
    if (!isGone(error)) throw error;
    return undefined;
  }
}

function* changes(
  { counters, states }: Source,
  before: ReadonlyMap<string, number> | undefined,
  now: ReadonlyMap<string, number> | undefined,
): Generator<CgroupEvent> {
  if (!before || !now) return;
  for (const [name, type] of Object.entries(counters)) {
    const count = (now.get(name) ?? 0) - (before.get(name) ?? 0);
    if (count > 0) yield { type, count };
  }
  for (const [name, [off, on]] of Object.entries(states)) {
    if (now.get(name) !== before.get(name)) yield { type: now.get(name) === 1 ? on : off, count: 1 };
  }
}

/** Rings when something may have changed. */
class Alarm {
  readonly #watchers: FSWatcher[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #ring = () => {
    this.#rung = true;
    this.#wake?.();
  };
  // What happened before somebody waits is not lost: at first, since the baseline.
  #rung = true;
  #wake: (() => void) | undefined;

  constructor(cgroup: Cgroup, sources: readonly Source[], signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#ring);
    const polled = cgroup.directories.some(({ version }) => version === 1);
    this.#timer = setInterval(this.#ring, INTERVAL[polled ? 1 : 2]);
    for (const { path } of sources) this.#watch(path);
  }

  async rings(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#rung = false;
    this.#wake = undefined;
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    clearInterval(this.#timer);
    this.#signal?.removeEventListener("abort", this.#ring);
  }

  /** The kernel modifies the events files of version 2 (cgroup-v2.rst: "a file modified event"), and those of version 1 never. */
  #watch(path: string): void {
    try {
      this.#watchers.push(watch(path, this.#ring).on("error", this.#ring));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === "ENOENT") {
        this.#ring(); // Gone already: the next look says so.
        return;
      }
      this.close();
      throw new LibctError("ERR_CT_SYSCALL", `cannot watch ${path}: ${code}`, { path, errno: code, cause });
    }
  }
}
