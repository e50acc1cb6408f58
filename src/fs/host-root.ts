import { accessSync, constants, lstatSync, readdirSync, statSync } from "node:fs";
import type { RootContext, RootDriver, RootStep } from "../spec/index.ts";
import { readMountInfo } from "./mountinfo.ts";
import { memoryOverlay, overlayMount, requireOverlay, scratchSteps } from "./overlay.ts";

export interface HostRootOptions {
  /** Limit of the memory for changes, such as "256m". */
  readonly size?: string;
}

/** The kernel's own filesystems, and those in memory: a container gets its own, or none. */
const NOT_OF_DISK = new Set(
  "proc sysfs devtmpfs devpts tmpfs mqueue cgroup cgroup2 debugfs tracefs securityfs pstore bpf configfs fusectl hugetlbfs binfmt_misc autofs nsfs rpc_pipefs efivarfs ramfs selinuxfs".split(
    " ",
  ),
);
const PRIVATE_TREES = ["/proc", "/sys", "/dev", "/run", "/tmp"];

/** The machine's own root, with a private layer over it in memory: the container sees all, and nothing that it changes reaches the host. */
export function hostRoot(options: HostRootOptions = {}): RootDriver {
  return {
    type: "host",
    plan(context) {
      requireOverlay(context);
      const root = `${context.scratch}/root`;
      const steps: RootStep[] = [...scratchSteps(context, options.size), { do: "mkdir", path: root, mode: 0o755 }];
      const layer = memoryOverlay(context, ["/"], root, context.scratch);
      const skeleton = context.userNamespace ? skeletonSteps(`${context.scratch}/upper`) : [];
      steps.push(...layer.slice(0, 2), ...skeleton, ...layer.slice(2), ...submounts(context, root));
      return { path: root, steps };
    },
  };
}

/** overlayfs does not see what is mounted on its lower layer: each further filesystem gets an overlay of its own. */
function submounts(context: RootContext, root: string): RootStep[] {
  const steps: RootStep[] = [];
  let number = 0;
  for (const { mountPoint, type } of readMountInfo()) {
    if (mountPoint === "/" || NOT_OF_DISK.has(type) || mountPoint === context.scratch) continue;
    if (PRIVATE_TREES.some((tree) => mountPoint === tree || mountPoint.startsWith(`${tree}/`))) continue;
    const stat = reachable(mountPoint);
    if (!stat) continue;
    const target = `${root}${mountPoint}`;
    if (!stat.isDirectory()) {
      // Container engines mount single files such as /etc/resolv.conf.
      steps.push({ do: "bind", source: mountPoint, target, recursive: false, readonly: true });
      continue;
    }
    number += 1;
    const [upper, work] = [`${context.scratch}/upper${number}`, `${context.scratch}/work${number}`];
    steps.push({ do: "mkdir", path: upper, mode: 0o755 }, { do: "mkdir", path: work, mode: 0o755 });
    steps.push(overlayMount(context, [mountPoint], upper, work, target));
  }
  return steps;
}

function reachable(path: string) {
  try {
    return statSync(path);
  } catch {
    // A mount that this user may not even look at cannot be shown to the container either.
    return undefined;
  }
}

/**
 * In a user namespace the host's directories belong to nobody, so even the container's root could not make a file in /etc. A directory that is in the upper layer as
 * well has that one's owner: the upper layer starts with the outermost directories, empty.
 */
function skeletonSteps(upper: string): RootStep[] {
  const steps: RootStep[] = [];
  for (const name of subdirectories("/")) {
    if (PRIVATE_TREES.includes(`/${name}`) && name !== "tmp" && name !== "run") continue;
    addDirectory(steps, upper, `/${name}`);
    if (name !== "usr" && name !== "var") continue;
    for (const inner of subdirectories(`/${name}`)) addDirectory(steps, upper, `/${name}/${inner}`);
  }
  return steps;
}

function addDirectory(steps: RootStep[], upper: string, path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
  } catch {
    return; // What the user may not read stays the host's: the container must not seem to own it.
  }
  steps.push({ do: "mkdir", path: `${upper}${path}`, mode: lstatSync(path).mode & 0o7777 });
}

const subdirectories = (path: string) =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
