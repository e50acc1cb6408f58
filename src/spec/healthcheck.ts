/** A command that tells whether a container does its work: exit status 0 says so. As docker has it, but for the units. */
export interface Healthcheck {
  /** The command's words, as of `exec`; it has the container's environment, user and rights. */
  readonly command: readonly string[];
  /** Seconds from the start to the first check, and from the end of each to the next. Default: 30 */
  readonly interval?: number;
  /** Seconds after which a check is killed and has failed. Default: 30 */
  readonly timeout?: number;
  /** So many failures in a row make a container unhealthy. Default: 3 */
  readonly retries?: number;
  /** Seconds from the start in which failures do not count, until the first success. Default: 0 */
  readonly startPeriod?: number;
  /** Seconds between checks in the start period, until the first success. Default: 5 */
  readonly startInterval?: number;
}

const DEFAULTS = { interval: 30, timeout: 30, retries: 3, startPeriod: 0, startInterval: 5 } as const;

export const withHealthDefaults = (healthcheck: Healthcheck): Required<Healthcheck> => ({
  ...DEFAULTS,
  ...healthcheck,
});
