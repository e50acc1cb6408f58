import type { ContainerSpec } from "../spec/index.ts";

/** Containers with a name can be found by others, and so can those that outlive their application. */
export const isRecorded = (spec: ContainerSpec): boolean =>
  spec.name !== undefined || (spec.lifetime ?? "app") !== "app";
