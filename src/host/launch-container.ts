import type { RecordStore } from "../records/index.ts";
import { throwIfAborted } from "./abort.ts";
import { Launch, pipesFor } from "./launch.ts";
import { launchWith } from "./passing.ts";
import { type PlannedStart, planStart } from "./plan-start.ts";
import type { RunningContainer } from "./running-container.ts";

interface Launched {
  readonly launch: Launch;
  readonly cgroups: RunningContainer["cgroups"];
}

/** Plans a container and begins to make it; when that fails, nothing is left. `requireWanted` throws when nobody wants it any more. */
export async function launchContainer(start: PlannedStart, requireWanted: () => void): Promise<Launched> {
  const { host, name, spec, options, held } = start;
  let reserved: RecordStore | undefined;
  const made = lateActions();
  try {
    const resolved = await planStart({ ...start, whenMade: made.add });
    const pipes = await pipesFor(resolved);
    const compiled = (await host.plans()).compile(resolved);
    throwIfAborted(options.signal);
    requireWanted();
    if (resolved.record) {
      const { makeRecord } = await import("./record-plan.ts");
      const store = await host.records();
      store.reserve(name, makeRecord(spec, resolved, held));
      reserved = store;
    }
    const launch = await launchWith(host, options.fds, (zygote) => new Launch(zygote, resolved, compiled, pipes));
    launch.started.then(made.run, made.run);
    return { launch, cgroups: resolved.cgroup?.handle.directories ?? [] };
  } catch (error) {
    made.run();
    reserved?.remove(name);
    throw error;
  }
}

/** What is to be done when a start has come to an end. */
function lateActions() {
  const actions: (() => void)[] = [];
  const run = () => {
    for (const action of actions.splice(0)) action();
  };
  return { add: (action: () => void) => void actions.push(action), run };
}
