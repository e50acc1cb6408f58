import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { NAMESPACE_TYPES, type NamespaceType } from "../../src/spec/index.ts";
import { NAMESPACE_FILES } from "./capture.ts";
import { openHost } from "./host.ts";
import { requires } from "./prerequisite.ts";

async function probe() {
  await using host = await openHost();
  // Not the promise alone: the host would be gone before it is kept.
  return await host.kernel();
}

/** What the kernel under these tests can do, by libct's own probe. */
export const kernel = await probe();

const exists = (type: NamespaceType): boolean => existsSync(`/proc/self/ns/${NAMESPACE_FILES[type]}`);

/** The types of namespaces that this kernel has been built with; that some are missing is said. */
export function kernelNamespaces(why: string): readonly NamespaceType[] {
  return NAMESPACE_TYPES.filter((type) => requires(`the ${type} namespace`, exists(type), why));
}

/** Landlock is off where it is not among the kernel's security modules. */
export const hasLandlock = (): boolean =>
  requires("Landlock", kernel.landlockAbi > 0, "it restricts processes, and sandboxes are made of it");

export const hasIdmappedMounts = (): boolean =>
  requires("mount_setattr(2) with open_tree(2)", kernel.mountSetattr && kernel.openTree, "it makes idmapped mounts");

/** Without it a bind mount cannot be added: test/system/old-kernel.test.ts. */
export const hasOpenTree = (): boolean =>
  requires("open_tree(2)", kernel.openTree, "bind mounts are added to running containers with it");

/** Since Linux 5.3. */
export const hasPidfds = (): boolean =>
  requires(
    "pidfd_open(2)",
    spawnSync("python3", ["-c", "import os; os.pidfd_open(os.getpid())"]).status === 0,
    "processes are handed on by it, and waited for by who takes a later change of a network away",
  );

/** CONFIG_NF_TABLES_INET: Debian's user-mode Linux has been built without it. */
export const hasInetTables = (): boolean =>
  requires(
    "nf_tables for inet",
    spawnSync("unshare", [
      "--net",
      "nft",
      "add table inet t; add chain inet t c { type filter hook input priority 0; }",
    ]).status === 0,
    "the rules of managed networks are made of it",
  );

/** Since Linux 5.11 (user_namespaces(7)). */
export const hasUserOverlays = (): boolean =>
  requires("overlayfs in user namespaces", kernel.overlayInUserNamespace, "roots of ordinary users are made of it");

/** A disk filesystem is mounted outside of the user namespace that it is for, and moved into it. */
export const hasUserImages = (): boolean =>
  requires(
    "fsopen(2) with move_mount(2)",
    kernel.fsopen && kernel.openTree,
    "it makes images the roots of user namespaces",
  );

/** TOMOYO looks up the name that execveat(2) makes of a descriptor, /dev/fd/N; since 2024 it goes on when there is none. */
export function canExecuteWithoutPaths(): boolean {
  const list = "/sys/kernel/security/lsm";
  const tomoyo = existsSync(list) && readFileSync(list, "utf8").split(",").includes("tomoyo");
  return requires(
    "a TOMOYO that lets descriptors be executed",
    !tomoyo || kernel.major >= 6,
    "the executor seals itself so",
  );
}

const since = (major: number, minor: number): boolean =>
  kernel.major > major || (kernel.major === major && kernel.minor >= minor);

/** Until Linux 5.19 the files of an ipc namespace's parameters were the initial user namespace's root's. */
export const hasUserIpcSysctls = (): boolean =>
  requires("ipc sysctls of user namespaces", since(5, 19), "an ordinary user's container sets them");
