/** The version of the OCI runtime-spec whose documents libct writes. */
export const OCI_VERSION = "1.3.0";

/**
 * What others are told of a container, but for the version.
 * @see https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#state
 */
export interface ContainerState {
  readonly id: string;
  readonly status: "creating" | "created" | "running" | "stopped";
  /** Of its first process; left out when it is not known yet. */
  readonly pid?: number;
  /** Where it was described. libct's own containers have no such directory: then the root directory. */
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
