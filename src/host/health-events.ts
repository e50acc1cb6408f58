import type { HealthStatus } from "../records/index.ts";
import { type Checked, unlessEnded } from "./health.ts";

/** Another state than the one before; each run begins with "starting". */
export interface HealthEvent {
  readonly type: "health";
  readonly count: 1;
  readonly health: HealthStatus;
}

/** Of the present run, whoever makes the checks. */
export async function* healthEvents(
  look: () => Promise<Checked>,
  signal: AbortSignal,
): AsyncGenerator<HealthEvent, void, undefined> {
  const checked = await unlessEnded(look);
  if (!checked) return;
  const { notes, running } = checked;
  try {
    const init = (await unlessEnded(running))?.init;
    if (!init) return;
    let last = notes.read(init).status;
    for await (const { status } of notes.reports(init, signal)) {
      if (status !== last) yield { type: "health", count: 1, health: status };
      last = status;
    }
  } finally {
    notes.close();
  }
}
