import { type Cgroup, type CgroupEvent, type EventsBaseline, events, eventsBaseline } from "../cgroup/index.ts";
import type { ExitStatus } from "./exit-status.ts";
import type { Checked } from "./health.ts";
import type { HealthEvent } from "./health-events.ts";

/** What happens to a container: what the kernel has seen in its cgroups, the end of a run, and the start of another one. */
export type ContainerEvent =
  | CgroupEvent
  | HealthEvent
  | { readonly type: "exit"; readonly count: 1; readonly status: ExitStatus }
  /** By its restart policy; `restarts`: how often that was until now. */
  | { readonly type: "start"; readonly count: 1; readonly restarts: number };

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

/** What happens while it runs. One without cgroups and health checks has nothing but its end. */
async function eventsWithin(
  { cgroup, checked }: Watched,
  signal: AbortSignal,
  since: EventsBaseline | undefined,
): Promise<AsyncIterable<CgroupEvent | HealthEvent> | Iterable<never>> {
  const ofCgroup = cgroup && events(cgroup, signal, since);
  if (!checked) return ofCgroup ?? [];
  const [{ healthEvents }, { merge }] = [await import("./health-events.ts"), await import("./merge.ts")];
  const ofHealth = healthEvents(checked, signal);
  return ofCgroup ? merge<CgroupEvent | HealthEvent>(ofCgroup, ofHealth) : ofHealth;
}

const aborted = (signal: AbortSignal) =>
  new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
