/** What the directory of a container holds: names, so that the reader in host/ and the programs agree. */
export const RECORD_FILE = {
  /** JSON, written by the application that made the container. */
  SPEC: "record.json",
  /** /proc/PID/stat of init and of the monitor: who they are. */
  STATE: "state",
  /** The report of the last run's end (docs/executor.md, EXIT). */
  EXIT: "exit",
  LOG: "log",
  OLD_LOG: "log.1",
  /** A FIFO: what is written there is the container's standard input. */
  INPUT: "input",
  /** A FIFO: a byte lets a container go that is held before its command. */
  START: "start",
  /** Its name when it was let go. */
  STARTED: "started",
  /** Whoever stops a container makes it: no restart follows. */
  STOP: "stop",
  LOCK: "lock",
} as const;

/** The same for one with a health check. */
export const HEALTH_FILE = {
  /** JSON, written by whoever has made the last check. */
  REPORT: "health",
  /** It gets its name when it is whole. */
  FRESH: "health.new",
} as const;

/** What init writes into the FIFO when its startContainer hooks have succeeded: whoever has started it finds it there. */
export const HOOKS_DONE = "h";
