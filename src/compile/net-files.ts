import { AT, E, O, openFlags } from "../linux/index.ts";
import type { BlockBuilder, DataRef, Register } from "../program/index.ts";
import type { NetStep } from "../spec/index.ts";

type Step<D extends NetStep["do"]> = Extract<NetStep, { readonly do: D }>;

/** Whole or not at all: a disk that is full is an error. */
export function putBytes(block: BlockBuilder, { path, at, content, create, why }: Step<"put">): void {
  // Where others could have made a link it would lead anywhere.
  const flags = O.WRONLY | O.CLOEXEC | openFlags(block.program.arch).NOFOLLOW | (create === undefined ? 0 : O.CREAT);
  const file = block.sysResult("file", "openat", [AT.FDCWD, block.str(path), flags, create ?? 0], { why });
  const { length } = content;
  const written = block.sysResult("length", "pwrite64", [file, block.memory.bytes(content), length, at], { why });
  block.expect(written, length, E.ENOSPC, why);
  block.sys("close", [file]);
}

/** The most that a transaction in a file can have. */
const LONGEST_UNDO = 160 << 10;

/** Of what a transaction takes away there may be nothing, or only what is somebody else's by now. */
export const UNDO_TOLERATES = [E.ENOENT, E.EEXIST, E.EBUSY] as const;

/** Reads the file, gives its bytes to `send`, and removes it when that has succeeded. */
export function undoFromFile(
  block: BlockBuilder,
  { path, why }: Step<"undo">,
  send: (bytes: { readonly at: DataRef; readonly length: Register }) => void,
): void {
  const [nothing, sent] = [block.label(), block.label()];
  const name = block.str(path);
  const jump = { on: [E.ENOENT], to: nothing };
  const file = block.sysResult("file", "openat", [AT.FDCWD, name, O.RDONLY | O.CLOEXEC, 0], { jump, why });
  const at = block.memory.zeroed(LONGEST_UNDO);
  const length = block.sysResult("length", "read", [file, at, LONGEST_UNDO], { why });
  block.sys("close", [file]);
  block.jumpIf(length, 0, sent);
  send({ at, length });
  block.place(sent);
  block.sys("unlinkat", [AT.FDCWD, name, 0], { tolerate: [E.ENOENT], why });
  block.place(nothing);
}
