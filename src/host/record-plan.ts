import type { Cgroup } from "../cgroup/index.ts";
import type { RecordPlan } from "../compile/index.ts";
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

export function makeRecord(
  spec: ContainerSpec,
  process: ProcessSpec,
  cgroup: Cgroup | undefined,
  held: boolean,
): ContainerRecord {
  const creator = identify(globalThis.process.pid);
  if (!creator) throw new LibctError("ERR_CT_STATE", "there is no procfs at /proc", { path: "/proc" });
  return { version: 1, created: Date.now(), creator, bootId: bootId(), spec, process, cgroup, held };
}
