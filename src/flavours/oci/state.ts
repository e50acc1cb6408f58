import { OCI_VERSION } from "./version.ts";

export type OciStatus = "creating" | "created" | "running" | "stopped";

/**
 * What hooks get as their standard input, and what `state` shows.
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#state
 */
export interface OciState {
  readonly ociVersion: string;
  readonly id: string;
  /** runc and crun add "paused", which the specification lets runtimes do. */
  readonly status: OciStatus | "paused";
  /** As the host sees it. */
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** "pid (int, REQUIRED when status is created or running on Linux, OPTIONAL on other platforms)": a stopped container has none. */
export function ociState({ id, status, pid, bundle, annotations }: Omit<OciState, "ociVersion">): OciState {
  return {
    ociVersion: OCI_VERSION,
    id,
    status,
    ...(pid !== undefined && pid > 0 && status !== "stopped" && { pid }),
    bundle,
    ...(annotations && Object.keys(annotations).length > 0 && { annotations }),
  };
}
