import type { Healthcheck } from "./healthcheck.ts";
import { integer, list, object, type Schema, text, value } from "./schema-base.ts";

/** Of a timer of the runtime, in seconds: one that is set to more goes off at once. */
const LONGEST = 0x7fff_ffff / 1000;

const seconds = (least: number): Schema<number> =>
  value(
    (input) => typeof input === "number" && input >= least && input <= LONGEST,
    `a number of seconds from ${least} to ${Math.floor(LONGEST)} (24 days)`,
  );

/** More often than this nothing can be checked. */
const SHORTEST = 0.001;

export const healthcheck: Schema<Healthcheck> = object<Healthcheck>(
  { command: list(text, 1) },
  {
    interval: seconds(SHORTEST),
    timeout: seconds(SHORTEST),
    retries: integer(1, 0x7fff_ffff),
    startPeriod: seconds(0),
    startInterval: seconds(SHORTEST),
  },
);
