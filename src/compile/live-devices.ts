import { AT, E, MNT, UMOUNT_NOFOLLOW } from "../linux/index.ts";
import type { BlockBuilder, DataRef } from "../program/index.ts";
import { enterDirectory, makeTarget, splitPath } from "./context.ts";
import { bindDevice, captureDevice, makeNode } from "./devices.ts";
import type { ChangeContext, LiveChange, Steps } from "./live-steps.ts";
import { noteTargets, removeTargets, type Target } from "./live-targets.ts";

type Change<K extends LiveChange["do"]> = Extract<LiveChange, { do: K }>;

const MEMBER = "devices[0]";

export function deviceChange(c: ChangeContext, { device, bound }: Change<"addDevice">): Steps {
  const { parent, name } = splitPath(device.path);
  let targets: readonly Target[] = [];
  const note = (block: BlockBuilder, path: string, kind: "directory" | "file") => {
    targets = noteTargets(block.at(MEMBER), path, kind);
  };
  const undo = (block: BlockBuilder) => removeTargets(block.at(MEMBER), targets);
  if (!bound) {
    const act = (attempt: ChangeContext) => {
      makeTarget(attempt.init.at(MEMBER), parent, "directory");
      enterDirectory(attempt.init, parent, "enter the device's directory");
      makeNode(attempt, device, name, false);
    };
    return { prepare: (block) => note(block, device.path, "file"), attempts: [{ act, undo }] };
  }
  let captured: DataRef | undefined;
  return {
    capture(block) {
      captured = captureDevice(c, block.at(MEMBER), device.path);
    },
    prepare: (block) => note(block, device.path, "file"),
    attempts: [
      {
        act(attempt) {
          attempt.init.at(MEMBER);
          if (captured) bindDevice(attempt, device.path, captured);
        },
        undo,
      },
    ],
  };
}

const STATX_TYPE_AND_MODE = 3;
/** The upper byte of a mode: S_IFIFO, S_IFCHR and S_IFBLK, each without and with S_IRUSR. */
const DEVICES = [0x10, 0x11, 0x20, 0x21, 0x60, 0x61] as const;

/** A device that was bound leaves an empty file; any other must be a device, so that no mistake removes a file. */
export function deviceRemoval(_: ChangeContext, { path }: Change<"removeDevice">): Steps {
  const { parent, name } = splitPath(path);
  const act = ({ init, program }: ChangeContext) => {
    enterDirectory(init.at("path"), parent, "enter the device's directory");
    const file = init.str(name);
    const unmounted = program.register("unmounted");
    const remove = init.label();
    const what = { dst: unmounted, tolerate: [E.EINVAL], why: "unmount the device" };
    init.sys("umount2", [file, MNT.DETACH | UMOUNT_NOFOLLOW], what);
    init.jumpIf(unmounted, 0, remove);
    const seen = init.memory.zeroed(256);
    const kind = program.register("seen");
    init.sys("statx", [AT.FDCWD, file, AT.SYMLINK_NOFOLLOW, STATX_TYPE_AND_MODE, seen]);
    init.load(kind, init.memory.at(seen, 29), 1);
    for (const device of DEVICES) init.jumpIf(kind, device, remove);
    init.fail(E.ENODEV, `${path} is no device`);
    init.place(remove);
    init.sys("unlinkat", [AT.FDCWD, file, 0], { why: "remove the device" });
  };
  return { attempts: [{ act }] };
}
