import type { ContainerSpec } from "./types.ts";

/** The release of the OCI runtime-spec that libct speaks. */
export const OCI_VERSION = "1.3.0";

export type OciStatus = "creating" | "created" | "running" | "stopped";

/**
 * What hooks, the listeners of seccomp filters and engines are told of a container.
 * @see https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#state
 */
export interface OciState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: OciStatus;
  /** Of its first process, while there is one that is known. */
  readonly pid?: number;
  /** Where it was described. libct's own containers have no such directory: then the root directory. */
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function ociState(
  { name = "", bundle = "/", annotations }: Pick<ContainerSpec, "name" | "bundle" | "annotations">,
  status: OciStatus,
  pid?: number,
): OciState {
  return {
    ociVersion: OCI_VERSION,
    id: name,
    status,
    ...(pid === undefined ? {} : { pid }),
    bundle,
    ...(annotations ? { annotations } : {}),
  };
}
