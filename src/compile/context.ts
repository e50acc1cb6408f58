import { E } from "../linux/index.ts";
import type { BlockBuilder, DataRef, ProgramBuilder, Register } from "../program/index.ts";
import type { Resolved, ResolvedProcess } from "./resolved.ts";

/** Codes of NOTIFY: what the application learns while a container starts. PIPES, HOOKS, SCOPE and NIC wait for its answer. */
export const NOTICE = { PIPES: 1, STARTED: 2, HOOKS: 3, SCOPE: 4, NIC: 5 } as const;
/** Codes of SEND: what the application is asked. */
export const QUESTION = { PASSWD: 1, GROUP: 2, HOME: 4 } as const;
/** Codes of SEND, going on: what the application is told. */
export const REPORT = { MEMORY_EVENTS: 3, NETLINK: 5, NET_PROCESS: 6, LINKS: 7 } as const;

/**
 * Descriptors with fixed numbers, so that their names under /proc/self/fd are constants. They lie above all that a program opens.
 */
export const FIXED_FD = { BIND_SOURCE: 900, LOWER: 902, READY: 904 } as const;

/** What the files of this room share while they compile one process, be it a container's first or one that enters it. */
export interface ProcessContext {
  readonly resolved: ResolvedProcess;
  readonly program: ProgramBuilder;
  readonly monitor: BlockBuilder;
  /** Whose last act is to execute the command. */
  readonly init: BlockBuilder;
  /** Comes between the monitor and init, when it must. */
  readonly stage: BlockBuilder | undefined;
  /** The host's procfs, verified. */
  readonly proc: Register;
  /** Both ends of the socket between the monitor and the set-up. */
  readonly sync: { readonly monitor: Register; readonly child: Register };
}

/** What mounting needs, in a container that is made or in one that runs. */
export interface MountContext extends ProcessContext {
  readonly resolved: ResolvedProcess & Pick<Resolved, "mounts" | "created" | "mountLabel">;
  /** Where the descriptors are that the monitor opens for init alone. */
  readonly lent: DataRef[];
}

/** What they share while they compile one container. */
export interface Context extends MountContext {
  readonly resolved: Resolved;
  /** The block that builds the root: init, or the stage when a helper must mount it. */
  readonly rootBlock: BlockBuilder;
}

/** Writes `content` to a file of the verified procfs: never through a path that the container could have changed (CVE-2025-52881). */
export function writeProc(block: BlockBuilder, proc: Register, file: string, content: string, why: string): void {
  const fd = block.sysResult("file", "openat", [proc, block.str(file), 1 | 0o2000000, 0], { why });
  block.sys("write", [fd, block.str(content), new TextEncoder().encode(content).length], { why });
  block.sys("close", [fd]);
}

/** Keeps a descriptor that the monitor has opened for init. It is kept in memory, since there are fewer registers than mounts. */
export function lend(c: MountContext, descriptor: Register): DataRef {
  const slot = c.program.memory.zeroed(8);
  c.monitor.store(slot, descriptor, 8);
  c.lent.push(slot);
  return slot;
}

/** When init has its own copies the monitor closes what it lent: it would keep filesystems mounted until it is gone itself. */
export function closeLent(c: MountContext): void {
  const { monitor, lent } = c;
  const descriptor = c.program.register("lent");
  for (const slot of lent) {
    monitor.load(descriptor, slot, 4);
    monitor.at("mounts").sys("close", [descriptor]);
  }
}

/**
 * Goes to a directory of the container, and makes sure that it lies in the container's root: the image's own symbolic links are followed, and one to
 * /proc/self/fd/N or /proc/self/cwd leads wherever that descriptor does (proc_pid_fd(5)).
 */
export function enterDirectory(block: BlockBuilder, path: string, why: string): void {
  block.sys("chdir", [block.str(path)], { why });
  expectInside(block, path);
}

/** That the working directory lies in the container's root. */
export function expectInside(block: BlockBuilder, path: string): void {
  const buffer = directoryBuffer(block);
  const first = block.program.register("first");
  block.sys("getcwd", [buffer, 4096]);
  block.load(first, buffer, 1);
  // getcwd(2) gives "(unreachable)..." for a directory outside the root.
  block.expect(first, "/".charCodeAt(0), E.EXDEV, `${path} leads out of the root`);
}

/** One for a whole program: each page that getcwd(2) writes to is a page fault. */
function directoryBuffer(block: BlockBuilder): DataRef {
  const known = buffers.get(block.program);
  if (known) return known;
  const buffer = block.memory.zeroed(4096);
  buffers.set(block.program, buffer);
  return buffer;
}
const buffers = new WeakMap<ProgramBuilder, DataRef>();

/** "/dev/pts/0" as "/dev/pts" and "0" */
export function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return { parent: `/${parts.slice(0, -1).join("/")}`, name: parts.at(-1) ?? "." };
}

/**
 * Makes the directories above `path` and, as `kind` says, a directory or an empty file there. What exists stays as it is. `standing` is the working directory
 * when it is known to be one of the container's; the result is that afterwards.
 */
export function makeTarget(
  block: BlockBuilder,
  path: string,
  kind: "directory" | "file",
  standing?: string,
): string | undefined {
  const why = "create the mount target";
  const { parent, name } = splitPath(path);
  if (name === ".") return standing;
  // Each directory is entered and checked before something is made in it, and what is made is named without a path: so nothing is made outside the root.
  if (parent === standing) {
    // It has been entered and checked for the one before.
  } else if (parent === "/") {
    block.sys("chdir", [block.str("/")], { why });
  } else {
    makeTarget(block, parent, "directory");
    enterDirectory(block, parent, why);
  }
  if (kind === "file") block.sys("mknodat", [-100, block.str(name), 0o100644, 0], { tolerate: [E.EEXIST], why });
  else block.sys("mkdirat", [-100, block.str(name), 0o755], { tolerate: [E.EEXIST], why });
  return parent;
}
