import { type Healthcheck, withHealthDefaults } from "../spec/index.ts";

export type HealthStatus = "starting" | "healthy" | "unhealthy";

/** One check of a container's health. */
export interface HealthcheckResult {
  readonly started: Date;
  readonly ended: Date;
  /** 0 is success. Undefined: the command was not executed, or was killed as it took too long. */
  readonly exitCode: number | undefined;
  /** The first 4 KiB of what the command has written, or why there was no exit status. */
  readonly output: string;
}

/** How a container's present run is, by its checks. */
export interface HealthReport {
  readonly status: HealthStatus;
  /** Failures in a row, without those of the start period. */
  readonly failingStreak: number;
  /** Undefined before the first check. */
  readonly last: HealthcheckResult | undefined;
}

/** Before the first check of a run. */
export const UNCHECKED: HealthReport = { status: "starting", failingStreak: 0, last: undefined };

/** What one more check makes of it. `began`: of the run, milliseconds since the epoch. */
export function afterCheck(
  { status, failingStreak }: HealthReport,
  last: HealthcheckResult,
  healthcheck: Healthcheck,
  began: number,
): HealthReport {
  if (last.exitCode === 0) return { status: "healthy", failingStreak: 0, last };
  const { retries, startPeriod } = withHealthDefaults(healthcheck);
  const excused = status === "starting" && last.started.getTime() - began < startPeriod * 1000;
  const streak = failingStreak + (excused ? 0 : 1);
  return { status: streak >= retries ? "unhealthy" : status, failingStreak: streak, last };
}

/** Milliseconds from now to the next check. */
export function untilNextCheck({ status }: HealthReport, healthcheck: Healthcheck, began: number, now: number): number {
  const { interval, startPeriod, startInterval } = withHealthDefaults(healthcheck);
  const isStarting = status === "starting" && now - began < startPeriod * 1000;
  return (isStarting ? startInterval : interval) * 1000;
}
