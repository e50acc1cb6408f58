import type { ContainerInfo } from "../../host/index.ts";
import { OCI_VERSION } from "../../spec/index.ts";
import { say } from "./output.ts";
import type { Runtime } from "./runtime.ts";
import { onlyContainer, open } from "./with-container.ts";

/** What `state` and `list` tell of a container: the OCI's state, and what runc adds. */
export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  /** 0 when there is none, as engines expect it. */
  readonly pid: number;
  readonly status: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner: string;
}

export async function state(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { container } = await open(runtime, "state", onlyContainer("tell the state of a container"), line);
  say(`${JSON.stringify(stateOf(container.info()), undefined, 2)}\n`);
  return 0;
}

export function stateOf({ name, status, pid, spec, created }: ContainerInfo): ContainerState {
  return {
    ociVersion: OCI_VERSION,
    id: name,
    pid: pid ?? 0,
    status,
    bundle: spec.bundle ?? "",
    rootfs: typeof spec.root === "string" ? spec.root : "",
    created: created.toISOString(),
    ...(spec.annotations ? { annotations: spec.annotations } : {}),
    owner: "",
  };
}
