import type { RunOptions } from "../host/index.ts";
import { parseDuration } from "../spec/index.ts";
import { HEALTH_FLAGS, type HealthFlags } from "./health-flags.ts";
import { parseInteger, wrong } from "./parse.ts";
import { longName, usage } from "./syntax.ts";

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
