import { AT, E } from "../linux/index.ts";
import type { BlockBuilder, DataRef } from "../program/index.ts";
import { enterDirectory, splitPath } from "./context.ts";

/** A part of a path, and in the slot 0 when it was there before. */
export interface Target {
  readonly path: string;
  readonly kind: "directory" | "file";
  readonly slot: DataRef;
}

/** Looks which parts of a path are there, so that those which `makeTarget` makes can be removed again. */
export function noteTargets(block: BlockBuilder, path: string, kind: "directory" | "file"): readonly Target[] {
  const { parent, name } = splitPath(path);
  if (name === ".") return [];
  const above = noteTargets(block, parent, "directory");
  const slot = block.memory.zeroed(8);
  const seen = block.program.register("seen");
  const what = { dst: seen, tolerate: "any", why: "see whether it is there" } as const;
  block.sys("statx", [AT.FDCWD, block.str(path), AT.SYMLINK_NOFOLLOW, 0, block.memory.zeroed(256)], what);
  block.store(slot, seen, 8);
  return [...above, { path, kind, slot }];
}

/** Removes what was not there before, as far as it was made and nothing is in it by now. */
export function removeTargets(block: BlockBuilder, targets: readonly Target[]): void {
  const seen = block.program.register("seen");
  const why = "remove the mount target";
  for (const { path, kind, slot } of targets.toReversed()) {
    const { parent, name } = splitPath(path);
    const kept = block.label();
    block.load(seen, slot, 8);
    block.jumpIf(seen, 0, kept);
    // Not made at all: then neither is anything in it.
    block.sys("chdir", [block.str(parent)], { why, jump: { on: [E.ENOENT, E.ENOTDIR], to: kept } });
    enterDirectory(block, parent, why);
    block.sys("unlinkat", [AT.FDCWD, block.str(name), kind === "directory" ? AT.REMOVEDIR : 0], {
      tolerate: "any",
      why,
    });
    block.place(kept);
  }
}
