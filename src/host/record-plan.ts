import type { RecordPlan, Resolved } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import { bootId, type ContainerRecord, identify } from "../records/index.ts";
import type { ContainerSpec, ProcessSpec } from "../spec/index.ts";

const DEFAULT_LOG_SIZE = 16 << 20;

export function planRecord(spec: ContainerSpec, process: ProcessSpec, directory: string, held: boolean): RecordPlan {
  const { restart } = spec;
  const again = restart !== undefined && restart.policy !== "no";
  if (again && typeof process.user === "string" && !/^\d+(:\d+)?$/.test(process.user)) {
    throw new LibctError("ERR_CT_INVALID_SPEC", "a container that is started again needs its user as ids", {
      member: "process.user",
      hint: "the application, which looks names up, may be gone by then",
    });
  }
  return {
    directory,
    outlives: spec.lifetime === "host",
    autoRemove: spec.autoRemove ?? (spec.lifetime ?? "app") === "app",
    held,
    logSize: spec.log?.maxSize ?? DEFAULT_LOG_SIZE,
    restart: again ? { onFailure: restart.policy === "on-failure", most: restart.maximumRetryCount ?? 0 } : undefined,
  };
}

/** What is written down of a container that is about to be made. */
export function makeRecord(spec: ContainerSpec, resolved: Resolved, held: boolean): ContainerRecord {
  const creator = identify(globalThis.process.pid);
  if (!creator) throw new LibctError("ERR_CT_STATE", "there is no procfs at /proc", { path: "/proc" });
  const { process, cgroup, root, networks } = resolved;
  const looked = { process, cgroup: cgroup?.handle, work: root?.work, networks };
  return { version: 1, created: Date.now(), creator, bootId: bootId(), spec, ...looked, held };
}
