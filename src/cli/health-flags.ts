import type { RunOptions } from "../host/index.ts";
import { parseDuration } from "../spec/index.ts";
import { parseInteger, wrong } from "./parse.ts";
import { type FlagTable, longName, usage } from "./syntax.ts";

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

/** The member of the specification. */
export function healthOptions(flags: HealthFlags): Pick<RunOptions, "healthcheck"> {
  const { healthCmd, healthRetries } = flags;
  const times = {
    ...seconds("interval", "--health-interval", flags.healthInterval),
    ...seconds("timeout", "--health-timeout", flags.healthTimeout),
    ...seconds("startPeriod", "--health-start-period", flags.healthStartPeriod),
    ...seconds("startInterval", "--health-start-interval", flags.healthStartInterval),
    ...(healthRetries === undefined
      ? {}
      : { retries: parseInteger("--health-retries", healthRetries, 1, 0x7fff_ffff) }),
  };
  if (healthCmd === undefined) {
    const given = Object.keys(HEALTH_FLAGS).find((member) => flags[member as keyof HealthFlags] !== undefined);
    if (given) throw usage(`${longName(given)} says how a health check is made, and there is none: add --health-cmd`);
    return {};
  }
  if (healthCmd === "") throw wrong("--health-cmd", healthCmd, "a command");
  return { healthcheck: { command: ["/bin/sh", "-c", healthCmd], ...times } };
}

const seconds = <Name extends string>(
  member: Name,
  flag: string,
  word: string | undefined,
): { [N in Name]?: number } =>
  word === undefined ? {} : ({ [member]: parseDuration(word, flag) } as { [N in Name]?: number });
