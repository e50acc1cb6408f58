import type { ContainerSpec } from "./types.ts";

/** The release of the OCI runtime-spec that libct speaks. */
export const OCI_VERSION = "1.3.0";

export type OciStatus = "creating" | "created" | "running" | "stopped";

/**
 * What hooks and engines are told of a container.
 * @see https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#state
 */
export interface OciState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: OciStatus;
  /** Of its first process, while there is one. */
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function ociState(spec: ContainerSpec, status: OciStatus, pid?: number): OciState {
  const { name = "", bundle = "", annotations } = spec;
  return {
    ociVersion: OCI_VERSION,
    id: name,
    status,
    ...(pid === undefined ? {} : { pid }),
    bundle,
    ...(annotations ? { annotations } : {}),
  };
}
