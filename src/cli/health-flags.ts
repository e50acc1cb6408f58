import type { FlagTable } from "./syntax.ts";

/** How a container's health is checked, by docker's names. */
export interface HealthFlags {
  readonly healthCmd?: string;
  readonly healthInterval?: string;
  readonly healthTimeout?: string;
  readonly healthRetries?: string;
  readonly healthStartPeriod?: string;
  readonly healthStartInterval?: string;
}

export const HEALTH_FLAGS: FlagTable<HealthFlags> = {
  healthCmd: {
    group: "Health:",
    value: "command",
    text: "a line for the container's /bin/sh; exit status 0 tells that all is well",
  },
  healthInterval: { value: "time", text: "between checks; 30s is the default" },
  healthTimeout: { value: "time", text: "a check that takes longer has failed; 30s is the default" },
  healthRetries: { value: "n", text: "failures in a row that make it unhealthy; 3 is the default" },
  healthStartPeriod: { value: "time", text: "in which failures do not count, until the first success" },
  healthStartInterval: { value: "time", text: "between checks in that period; 5s is the default" },
};
