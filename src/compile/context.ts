import { E } from "../linux/index.ts";
import type { BlockBuilder, ProgramBuilder, Register } from "../program/index.ts";
import type { Resolved } from "./resolved.ts";

/** Codes of NOTIFY: what the application learns while a container starts. */
export const NOTICE = { PIPES: 1, STARTED: 2 } as const;
/** Codes of SEND: what the application is asked. */
export const QUESTION = { PASSWD: 1, GROUP: 2 } as const;

/**
 * Descriptors with fixed numbers, so that their names under /proc/self/fd are constants. They lie above all that a program opens.
 */
export const FIXED_FD = { BIND_SOURCE: 900, NULL_DEVICE: 901, LOWER: 902 } as const;

/** What the files of this room share while they compile one container. */
export interface Context {
  readonly resolved: Resolved;
  readonly program: ProgramBuilder;
  readonly monitor: BlockBuilder;
  readonly init: BlockBuilder;
  /** The block that builds the root: init, or the stage when a helper must mount it. */
  readonly rootBlock: BlockBuilder;
  /** The host's procfs, verified. */
  readonly proc: Register;
  /** Both ends of the socket between the monitor and the container's set-up. */
  readonly sync: { readonly monitor: Register; readonly child: Register };
}

/** Writes `content` to a file of the verified procfs: never through a path that the container could have changed (CVE-2025-52881). */
export function writeProc(block: BlockBuilder, proc: Register, file: string, content: string, why: string): void {
  const fd = block.sysResult("file", "openat", [proc, block.str(file), 1 | 0o2000000, 0], { why });
  block.sys("write", [fd, block.str(content), new TextEncoder().encode(content).length], { why });
  block.sys("close", [fd]);
}

/** Makes the directories above `path` and, as `kind` says, a directory or an empty file there. What exists stays as it is. */
export function makeTarget(block: BlockBuilder, path: string, kind: "directory" | "file"): void {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  let at = "";
  parts.forEach((part, index) => {
    at += `/${part}`;
    const last = index === parts.length - 1;
    if (last && kind === "file") {
      block.sys("mknodat", [-100, block.str(at), 0o100644, 0], {
        tolerate: [E.EEXIST],
        why: "create the mount target",
      });
    } else {
      block.sys("mkdirat", [-100, block.str(at), 0o755], { tolerate: [E.EEXIST], why: "create the mount target" });
    }
  });
}
