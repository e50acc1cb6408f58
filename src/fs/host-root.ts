import type { RootContext, RootDriver, RootStep } from "../spec/index.ts";
import { composedRoot } from "./composed-root.ts";
import { NOT_OF_DISK, PRIVATE_TREES, reachable } from "./host-tree.ts";
import { treeOf } from "./mount-tree.ts";
import { readMountInfo } from "./mountinfo.ts";
import { memoryOverlay, overlayMount, requireOverlay, scratchSteps } from "./overlay.ts";

export interface HostRootOptions {
  /** Limit of the memory for changes, such as "256m". */
  readonly size?: string;
}

/** The machine's own root, with a private layer over it in memory: the container sees all, and nothing that it changes reaches the host. */
export function hostRoot(options: HostRootOptions = {}): RootDriver {
  return {
    type: "host",
    plan(context) {
      requireOverlay(context);
      const root = `${context.scratch}/root`;
      const scratch: RootStep[] = [...scratchSteps(context, options.size), { do: "mkdir", path: root, mode: 0o755 }];
      // In a user namespace the mounts below "/" are locked, and a layer with locked mounts is refused (mount_namespaces(7)).
      const steps = context.userNamespace ? composedRoot(context, root) : wholeRoot(context, root);
      return { path: root, steps: [...scratch, ...steps] };
    },
  };
}

/** One overlay over "/", and since overlayfs does not see what is mounted on its lower layer, one for each further filesystem. */
function wholeRoot(context: RootContext, root: string): RootStep[] {
  const steps = memoryOverlay(context, ["/"], root, context.scratch);
  let number = 0;
  for (const { mountPoint, type } of readMountInfo()) {
    if (mountPoint === "/" || NOT_OF_DISK.has(type) || mountPoint === context.scratch) continue;
    if (PRIVATE_TREES.some((tree) => mountPoint === tree || mountPoint.startsWith(`${tree}/`))) continue;
    const stat = reachable(mountPoint);
    if (!stat) continue;
    const target = `${root}${mountPoint}`;
    if (!stat.isDirectory()) {
      // Container engines mount single files such as /etc/resolv.conf.
      steps.push({
        do: "bind",
        source: mountPoint,
        target,
        recursive: false,
        readonly: true,
        ...treeOf(context, mountPoint),
      });
      continue;
    }
    number += 1;
    const [upper, work] = [`${context.scratch}/upper${number}`, `${context.scratch}/work${number}`];
    steps.push({ do: "mkdir", path: upper, mode: 0o755 }, { do: "mkdir", path: work, mode: 0o755 });
    steps.push(overlayMount(context, [mountPoint], upper, work, target));
  }
  return steps;
}
