import { accessSync, constants, type Dirent, lstatSync, readdirSync, readlinkSync } from "node:fs";
import type { RootContext, RootStep } from "../spec/index.ts";
import { PRIVATE_TREES } from "./host-tree.ts";
import { treeOf } from "./mount-tree.ts";
import { readMountInfo } from "./mountinfo.ts";
import { overlayMount } from "./overlay.ts";

interface Composition {
  readonly context: RootContext;
  readonly root: string;
  readonly mountPoints: readonly string[];
  readonly steps: RootStep[];
  layers: number;
}

/**
 * The host's root put together from an overlay for each of its directories, for user namespaces. A directory with mounts below it is put together in
 * the same way from what is in it.
 */
export function composedRoot(context: RootContext, root: string): RootStep[] {
  const mountPoints = readMountInfo().map(({ mountPoint }) => mountPoint);
  // pivot_root(2) wants a mount point.
  const steps: RootStep[] = [{ do: "bind", source: root, target: root, recursive: false }];
  const composition: Composition = { context, root, mountPoints, steps, layers: 0 };
  compose(composition, "");
  return composition.steps;
}

/** Adds what is in the host's directory `path` to the directory of the same name in the root, which is there already. */
function compose(c: Composition, path: string): void {
  for (const entry of readdirSync(path === "" ? "/" : path, { withFileTypes: true })) {
    const at = `${path}/${entry.name}`;
    if (entry.isSymbolicLink()) {
      c.steps.push({ do: "symlink", path: `${c.root}${at}`, target: readlinkSync(at) });
    } else if (entry.isDirectory()) {
      addDirectory(c, at);
    } else {
      addFile(c, at, entry);
    }
  }
}

function addDirectory(c: Composition, path: string): void {
  const mode = lstatSync(path).mode & 0o7777;
  c.steps.push({ do: "mkdir", path: `${c.root}${path}`, mode });
  // Private trees start empty; of what the user may not read the container gets an empty directory of its own.
  if (PRIVATE_TREES.includes(path) || !isReadable(path)) return;
  if (c.mountPoints.some((mountPoint) => mountPoint.startsWith(`${path}/`))) {
    compose(c, path);
    return;
  }
  c.layers += 1;
  const [upper, work] = [`${c.context.scratch}/upper${c.layers}`, `${c.context.scratch}/work${c.layers}`];
  c.steps.push({ do: "mkdir", path: upper, mode }, { do: "mkdir", path: work, mode: 0o755 });
  addOwnedDirectories(c, path, upper);
  c.steps.push(overlayMount(c.context, [path], upper, work, `${c.root}${path}`));
}

/**
 * The host's directories belong to nobody here, so even the container's root could not make a file in /usr/local. A directory that is in the upper layer as
 * well has that one's owner: the upper layers of /usr and /var start with their directories, empty.
 */
function addOwnedDirectories(c: Composition, path: string, upper: string): void {
  if (path !== "/usr" && path !== "/var") return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = `${path}/${entry.name}`;
    if (!entry.isDirectory() || !isReadable(inner)) continue;
    c.steps.push({ do: "mkdir", path: `${upper}/${entry.name}`, mode: lstatSync(inner).mode & 0o7777 });
  }
}

/** Files beside mounts (as /etc/hosts in an outer container has neighbours) are bound one by one, read-only. */
function addFile(c: Composition, path: string, entry: Dirent): void {
  if (!entry.isFile() || !isReadable(path)) return;
  const target = `${c.root}${path}`;
  c.steps.push(
    { do: "file", path: target },
    { do: "bind", source: path, target, recursive: false, readonly: true, ...treeOf(c.context, path) },
  );
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, lstatSync(path).isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
