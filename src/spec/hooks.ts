/** A program that is executed at some point of a container's life, with the container's state (JSON, as in the OCI runtime-spec) as its standard input. */
export interface Hook {
  /** Absolute. */
  readonly path: string;
  /** As for execve(2), so the first is the program's name. Default: the path */
  readonly args?: readonly string[];
  /** Default: no environment */
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds, after which it is killed and has failed. Default: without a limit */
  readonly timeout?: number;
}

/**
 * The hooks of the OCI runtime-spec, in the order of a container's life. What fails ends the container, but for poststart (which also ends it) and poststop
 * (which is only told of).
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config.md#posix-platform-hooks
 */
export interface Hooks {
  /** In the host's namespaces, when the container's are made and before its root is entered. */
  readonly prestart?: readonly Hook[];
  readonly createRuntime?: readonly Hook[];
  /** In the container's namespaces, with the host's files, before its root is entered for good. */
  readonly createContainer?: readonly Hook[];
  /** In the container, before its command is executed. */
  readonly startContainer?: readonly Hook[];
  /** In the host's namespaces, when the command is executed. */
  readonly poststart?: readonly Hook[];
  /** In the host's namespaces, when the container is gone. */
  readonly poststop?: readonly Hook[];
}
