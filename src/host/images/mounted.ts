import { readlinkSync } from "node:fs";
import { readMountInfo } from "../../fs/index.ts";
import type { ContainerLayer } from "../../image/present.ts";
import { bootId } from "../../records/index.ts";

export const mountNamespace = (): string => readlinkSync("/proc/self/ns/mnt");

/** Whether an image that was mounted still is. What another mount namespace has cannot be seen from here: there it counts as mounted, until the machine is started anew. */
export function isMounted({ mounted, bootId: boot }: ContainerLayer["user"]): boolean {
  if (!mounted || boot !== bootId()) return false;
  if (mounted.namespace !== mountNamespace()) return true;
  return readMountInfo().some(({ mountPoint }) => mountPoint === mounted.path);
}
