/** Confinement of code that is not trusted: it sees the machine's programs, and can change one directory. */
export interface SandboxOptions {
  /** The one writable directory, at its own path; also the working directory. */
  readonly workspace?: string;
  /** Paths to show although they are hidden by default. */
  readonly allowRead?: readonly string[];
  /** Further writable paths. */
  readonly allowWrite?: readonly string[];
  /** Default false: no network. True: the host's. */
  readonly network?: boolean;
  /** Environment variables to pass on besides the harmless ones. */
  readonly allowEnv?: readonly string[];
  /**
   * `namespaces` (default): the process sees a file system of its own. `landlock`: where namespaces are forbidden; the process sees the host's files, but may only
   * touch those allowed; other processes stay visible. Never chosen by libct itself.
   */
  readonly isolation?: "namespaces" | "landlock";
  /** Bytes (or "512M"): of all processes together where a cgroup can be made, else of each process (RLIMIT_DATA). */
  readonly memory?: number | string;
  /** Processes and threads at once, by a cgroup or else RLIMIT_NPROC (counted for this sandbox alone since Linux 5.14). */
  readonly pids?: number;
}
