import { existsSync, readdirSync, rmdirSync } from "node:fs";

/**
 * Removes what an engine of the tests has left below a cgroup of its own: engines make directories between that they never remove. Gives those of them
 * that look like a container's, whose name `own` is: these the runtime should have removed.
 */
export function removeCgroups(parent: string, own: RegExp): readonly string[] {
  const left: string[] = [];
  for (const hierarchy of readdirSync("/sys/fs/cgroup")) {
    const top = `/sys/fs/cgroup/${hierarchy}${parent}`;
    if (existsSync(top)) removeTree(top, own, left);
  }
  return left;
}

function removeTree(directory: string, own: RegExp, left: string[]): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = `${directory}/${entry.name}`;
    removeTree(path, own, left);
    if (own.test(entry.name)) left.push(path);
  }
  rmdirSync(directory);
}
