import type { HealthReport } from "../records/index.ts";
import { type Checked, watchHealth } from "./health.ts";

/** One report, and the one after it; undefined when there will be none. */
interface Link {
  readonly report: HealthReport;
  readonly next: Promise<Link | undefined>;
}

/** Checks the health of a container by itself, as long as it runs here. */
export class HealthKeeper {
  readonly #reports: AsyncGenerator<HealthReport>;
  #next: Promise<Link | undefined>;

  constructor(checked: Checked) {
    this.#reports = watchHealth(checked, undefined);
    this.#next = this.#take();
    // Who asks for the reports gets the error.
    this.#next.catch(() => undefined);
  }

  async #take(): Promise<Link | undefined> {
    const { value } = await this.#reports.next();
    if (!value) return undefined;
    const next = this.#take();
    next.catch(() => undefined);
    this.#next = next;
    return { report: value, next };
  }

  /** Those from now on. */
  async *reports(signal: AbortSignal | undefined): AsyncGenerator<HealthReport, void, undefined> {
    const aborted = new Promise<undefined>((resolve) => {
      if (signal?.aborted) resolve(undefined);
      signal?.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    let next = this.#next;
    for (;;) {
      const link = await Promise.race([aborted, next]);
      if (!link) return;
      yield link.report;
      if (signal?.aborted) return;
      next = link.next;
    }
  }
}
