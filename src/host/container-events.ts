import { type Cgroup, type CgroupEvent, type EventsBaseline, events, eventsBaseline } from "../cgroup/index.ts";
import type { ContainerLinkEvent } from "./container-links.ts";
import type { ExitStatus } from "./exit-status.ts";
import type { Checked } from "./health.ts";
import type { HealthEvent } from "./health-events.ts";

/** What happens to a container: what the kernel has seen in its cgroups, the end of a run, and the start of another one. */
export type ContainerEvent =
  | CgroupEvent
  | HealthEvent
  | ContainerLinkEvent
  | { readonly type: "exit"; readonly count: 1; readonly status: ExitStatus }
  /** By its restart policy; `restarts`: how often that was until now. */
  | { readonly type: "start"; readonly count: 1; readonly restarts: number };

export interface EventsOptions {
  readonly signal?: AbortSignal;
  /** Default: true. It takes a process that listens in the container's network. */
  readonly links?: boolean;
}

/** One run of a container. */
export interface ContainerRun {
  /** How often it had been started again. */
  readonly restarts: number;
  /** Resolves when it has ended; undefined when nobody knows how. */
  readonly ended: Promise<ExitStatus | undefined>;
}

/** A container that is there, as far as events are concerned. */
export interface Watched {
  readonly cgroup: Cgroup | undefined;
  /** If it has a health check. */
  readonly checked?: () => Promise<Checked>;
  /** What happens to its interfaces, for who wants to know: it takes a process in its network. */
  readonly links?: (signal: AbortSignal) => AsyncIterable<ContainerLinkEvent>;
  /** The present run, and all that follow it by the restart policy. */
  runs(signal: AbortSignal): AsyncIterable<ContainerRun> | Iterable<ContainerRun>;
}

/** Ends with the container. */
export async function* containerEvents(
  watched: Watched,
  given: AbortSignal | undefined,
): AsyncGenerator<ContainerEvent, void, undefined> {
  const stop = new AbortController();
  const over = () => stop.abort();
  given?.addEventListener("abort", over);
  if (given?.aborted) over();
  try {
    let first = true;
    // Before anything is waited for: who asks for events and then makes one hears of it.
    const since = watched.cgroup && eventsBaseline(watched.cgroup);
    for await (const run of watched.runs(stop.signal)) {
      if (!first) yield { type: "start", count: 1, restarts: run.restarts };
      yield* eventsOfRun(watched, run, stop.signal, first ? since : undefined);
      first = false;
      if (stop.signal.aborted) return;
    }
  } finally {
    over();
    given?.removeEventListener("abort", over);
  }
}

/** A kill for memory that ended the run is told even when its cgroups were gone too soon. */
async function* eventsOfRun(
  watched: Watched,
  run: ContainerRun,
  signal: AbortSignal,
  since: EventsBaseline | undefined,
): AsyncGenerator<ContainerEvent, void, undefined> {
  const stop = new AbortController();
  const over = () => stop.abort();
  signal.addEventListener("abort", over);
  if (signal.aborted) over();
  run.ended.then(over);
  let told = false;
  try {
    for await (const event of await eventsWithin(watched, stop.signal, since)) {
      told ||= event.type === "oom-kill";
      yield event;
    }
    const status = await Promise.race([run.ended, aborted(signal)]);
    if (status?.oomKilled && !told) yield { type: "oom-kill", count: 1 };
    if (status) yield { type: "exit", count: 1, status };
  } finally {
    over();
    signal.removeEventListener("abort", over);
  }
}

/** What happens while it runs. One without any of it has nothing but its end. */
async function eventsWithin(
  { cgroup, checked, links }: Watched,
  signal: AbortSignal,
  since: EventsBaseline | undefined,
): Promise<AsyncIterable<Within> | Iterable<never>> {
  const sources: readonly AsyncIterable<Within>[] = [
    ...(cgroup ? [events(cgroup, signal, since)] : []),
    ...(checked ? [(await import("./health-events.ts")).healthEvents(checked, signal)] : []),
    ...(links ? [links(signal)] : []),
  ];
  const [first, ...more] = sources;
  if (!first || more.length === 0) return first ?? [];
  return (await import("./merge.ts")).merge<Within>(...sources);
}

type Within = CgroupEvent | HealthEvent | ContainerLinkEvent;

const aborted = (signal: AbortSignal) =>
  new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
