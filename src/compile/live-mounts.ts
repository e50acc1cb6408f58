import { MNT, MS, UMOUNT_NOFOLLOW } from "../linux/index.ts";
import type { BlockBuilder, DataRef } from "../program/index.ts";
import { makeTarget } from "./context.ts";
import type { ChangeContext, LiveChange, Steps } from "./live-steps.ts";
import { noteTargets, removeTargets, type Target } from "./live-targets.ts";
import { captureSources, finishMount, makeMount } from "./mounts.ts";

type Change<K extends LiveChange["do"]> = Extract<LiveChange, { do: K }>;

/** The source is taken from the host before the container is entered; the target is found, or made, when nothing but the container's tree can be reached. */
export function mountChange(c: ChangeContext, { mount: resolved }: Change<"mount">): Steps {
  const { member, mount, options, source } = resolved;
  const kind = source?.directory === false ? "file" : "directory";
  let targets: readonly Target[] = [];
  let captured: readonly (DataRef | undefined)[] = [];
  const removeAll = (block: BlockBuilder) => removeTargets(block.at(member), targets);
  const target = (block: BlockBuilder) => block.str(mount.destination);
  return {
    ...(source
      ? {
          capture: (block: BlockBuilder) => {
            captured = captureSources(c, block);
          },
        }
      : {}),
    prepare(block) {
      if (options.remount) return;
      targets = noteTargets(block.at(member), mount.destination, kind);
    },
    attempts: [
      {
        act: (attempt) => {
          attempt.init.at(member);
          if (!options.remount) makeTarget(attempt.init, mount.destination, kind);
          makeMount(attempt, resolved, captured[0]);
        },
        undo: removeAll,
      },
      {
        act: (attempt) => {
          finishMount(attempt, resolved);
          if (options.remount) return;
          const propagation = options.propagation || MS.REC | MS.PRIVATE;
          attempt.init
            .at(`${member}.options`)
            .sys("mount", [0, target(attempt.init), 0, propagation, 0], { why: "set the propagation" });
        },
        undo: (block) => {
          if (options.remount) return;
          block.at(member).sys("umount2", [target(block), MNT.DETACH | UMOUNT_NOFOLLOW], { tolerate: "any" });
          removeAll(block);
        },
      },
    ],
  };
}

export function unmountChange(_: ChangeContext, { path, detach }: Change<"unmount">): Steps {
  return {
    attempts: [
      {
        act: ({ init }) =>
          init
            .at("destination")
            .sys("umount2", [init.str(path), UMOUNT_NOFOLLOW | (detach ? MNT.DETACH : 0)], { why: "unmount" }),
      },
    ],
  };
}
