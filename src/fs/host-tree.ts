import { type Stats, statSync } from "node:fs";

/** The kernel's own filesystems, and those in memory: a container gets its own, or none. */
export const NOT_OF_DISK: ReadonlySet<string> = new Set([
  "proc",
  "sysfs",
  "devtmpfs",
  "devpts",
  "tmpfs",
  "ramfs",
  "mqueue",
  "cgroup",
  "cgroup2",
  "debugfs",
  "tracefs",
  "securityfs",
  "selinuxfs",
  "pstore",
  "bpf",
  "configfs",
  "fusectl",
  "hugetlbfs",
  "binfmt_misc",
  "autofs",
  "nsfs",
  "rpc_pipefs",
  "efivarfs",
]);

/** Trees that a container has of its own. */
export const PRIVATE_TREES: readonly string[] = ["/proc", "/sys", "/dev", "/run", "/tmp"];

/** A path that this user may look at; what may not be looked at cannot be shown to the container either. */
export function reachable(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
