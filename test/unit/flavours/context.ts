import type { ImportContext } from "../../../src/flavours/index.ts";
import { CAPABILITIES } from "../../../src/linux/index.ts";

/** A machine that has these files and directories, and nothing else. */
export function contextWith(
  files: Readonly<Record<string, string>> = {},
  more: Partial<ImportContext> = {},
): ImportContext {
  const below = (path: string) => Object.keys(files).filter((name) => name.startsWith(`${path}/`));
  return {
    name: "web",
    arch: "x86_64",
    privileged: true,
    read: (path) => files[path],
    list: (path) => (below(path).length > 0 ? below(path).map((name) => name.slice(path.length + 1)) : undefined),
    kind: (path) => (path in files ? "file" : below(path).length > 0 ? "directory" : undefined),
    owner: () => 0,
    device: () => undefined,
    capabilities: () => CAPABILITIES,
    cgroup: 2,
    hasFilesystem: (type) => type !== "ecryptfs",
    apparmor: false,
    selinux: false,
    addressOf: () => undefined,
    env: () => undefined,
    ...more,
  };
}
