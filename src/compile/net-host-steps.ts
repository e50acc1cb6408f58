import { AT, E, MNT, MS, O, UMOUNT_NOFOLLOW } from "../linux/index.ts";
import type { BlockBuilder, Register } from "../program/index.ts";
import type { HostStep } from "../spec/index.ts";
import { NOTICE } from "./context.ts";
import { execute, executeOnce, lastStatus } from "./net-programs.ts";
import type { NetWorker } from "./net-worker.ts";

type Step<K extends HostStep["do"]> = Extract<HostStep, { readonly do: K }>;

/** With files and programs of the host, whose network namespace the worker is in. */
export function doHostStep(worker: NetWorker, step: HostStep, nic = 0): void {
  const { block } = worker;
  switch (step.do) {
    case "mkdir":
      makeDirectory(block, step);
      break;
    case "write":
      writeFile(block, step);
      break;
    case "remove":
      removeFile(block, step);
      break;
    case "pin":
      pin(block, worker.namespace.container, step);
      break;
    case "unpin":
      unpin(block, step);
      break;
    case "ask":
      block.notify(NOTICE.NIC, [nic, step.question, lastStatus(worker, block)]);
      block.await(block.memory.zeroed(8), 8, block.program.register("length"));
      break;
    case "execute":
      if (worker.failed) executeOnce(worker, block, step, worker.failed);
      else execute(worker, block, step);
      break;
  }
}

const makeDirectory = (block: BlockBuilder, { path, why }: Step<"mkdir">): void =>
  block.sys("mkdirat", [AT.FDCWD, block.str(path), 0o700], { tolerate: [E.EEXIST], why });

function writeFile(block: BlockBuilder, { path, content, why }: Step<"write">): void {
  const flags = O.WRONLY | O.CREAT | O.EXCL | O.CLOEXEC;
  const bytes = new TextEncoder().encode(content);
  const file = block.sysResult("file", "openat", [AT.FDCWD, block.str(path), flags, 0o600], { why });
  const written = block.sysResult("written", "write", [file, block.memory.bytes(bytes), bytes.length], { why });
  block.sys("close", [file]);
  // A disk may take a part of it.
  block.expect(written, bytes.length, E.ENOSPC, why);
}

function removeFile(block: BlockBuilder, { path, directory, why }: Step<"remove">): void {
  const flags = directory ? AT.REMOVEDIR : 0;
  block.sys("unlinkat", [AT.FDCWD, block.str(path), flags], { tolerate: [E.ENOENT], why });
}

/** A namespace that is bound to a file lasts as long as the mount (namespaces(7), "Namespace lifetime"). */
function pin(block: BlockBuilder, namespace: Register, { path, why }: Step<"pin">): void {
  const flags = O.WRONLY | O.CREAT | O.EXCL | O.CLOEXEC;
  const file = block.sysResult("file", "openat", [AT.FDCWD, block.str(path), flags, 0o600], { why });
  block.sys("close", [file]);
  const source = block.memory.bytes(new TextEncoder().encode(`${OWN_FD}${"\0".repeat(12)}`), 1);
  block.decimal(block.memory.at(source, OWN_FD.length), namespace, 11);
  block.sys("mount", [source, block.str(path), 0, MS.BIND, 0], { why });
}

const OWN_FD = "/proc/self/fd/";

/** EINVAL: nothing was bound to it yet. */
function unpin(block: BlockBuilder, { path, why }: Step<"unpin">): void {
  const file = block.str(path);
  block.sys("umount2", [file, MNT.DETACH | UMOUNT_NOFOLLOW], { tolerate: [E.EINVAL, E.ENOENT], why });
  block.sys("unlinkat", [AT.FDCWD, file, 0], { tolerate: [E.ENOENT], why });
}
