import {
  AT,
  E,
  FSCONFIG,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  LO_FLAGS,
  LOOP,
  MOUNT_ATTR,
  MOVE_MOUNT,
  MS,
  O,
} from "../linux/index.ts";
import type { BlockBuilder, DataRef } from "../program/index.ts";
import type { RootStep } from "../spec/index.ts";
import { type Context, lend } from "./context.ts";
import { labelledData } from "./mount-label.ts";

/** LOOP_CTL_GET_FREE only suggests a device; another process may take it first, so several are tried. */
const LOOP_ATTEMPTS = 8;

/** Attaches the file to a free loop device that detaches itself with its last user (loop(4)); returns the device's path. */
function attachLoop(c: Context, block: BlockBuilder, step: Extract<RootStep, { do: "image" }>): DataRef {
  const { program } = c;
  const mode = step.readonly ? O.RDONLY : O.RDWR;
  const file = block.sysResult("image", "openat", [AT.FDCWD, block.str(step.file), mode | O.CLOEXEC, 0]);
  const control = block.sysResult("loop_control", "openat", [
    AT.FDCWD,
    block.str("/dev/loop-control"),
    O.RDWR | O.CLOEXEC,
    0,
  ]);
  const path = program.memory.bytes(new TextEncoder().encode("/dev/loop".padEnd(24, "\0")));
  const number = program.register("loop_number");
  const device = program.register("loop");
  const config = program.memory.zeroed(304);
  const flags = LO_FLAGS.AUTOCLEAR | (step.readonly ? LO_FLAGS.READ_ONLY : 0);
  const attached = block.label();
  for (let attempt = 1; attempt <= LOOP_ATTEMPTS; attempt++) {
    const next = block.label();
    block.sys("ioctl", [control, LOOP.CTL_GET_FREE, 0], { dst: number });
    block.decimal(block.memory.at(path, 9), number, 12);
    block.sys("openat", [AT.FDCWD, path, mode | O.CLOEXEC, 0], { dst: device });
    block.store(config, file, 4);
    // struct loop_config: fd, block_size, then loop_info64, whose lo_flags are at offset 52.
    block.store(block.memory.at(config, 8 + 52), flags, 4);
    const retry = attempt < LOOP_ATTEMPTS ? { jump: { on: [E.EBUSY], to: next } } : {};
    block.sys("ioctl", [device, LOOP.CONFIGURE, config], { ...retry, why: "attach the image to a loop device" });
    block.jump(attached);
    block.place(next);
    if (attempt < LOOP_ATTEMPTS) block.sys("close", [device]);
  }
  block.place(attached);
  block.sys("close", [file]);
  block.sys("close", [control]);
  return path;
}

export function mountImage(c: Context, block: BlockBuilder, step: Extract<RootStep, { do: "image" }>): void {
  const device = attachLoop(c, block, step);
  const flags = step.readonly ? MS.RDONLY : 0;
  const data = labelledData(c, step.type, "");
  block.sys("mount", [device, block.str(step.target), block.str(step.type), flags, data], {
    why: `mount ${step.file}`,
  });
  block.sys("close", [block.program.register("loop")]);
}

/** Disk filesystems cannot be mounted in a user namespace: the monitor mounts it, detached, and the set-up puts the mount in its place. */
export function attachMountedImage(c: Context, block: BlockBuilder, step: Extract<RootStep, { do: "image" }>): void {
  const { monitor } = c;
  const member = monitor.member;
  monitor.at("root");
  const device = attachLoop(c, monitor, step);
  const context = monitor.sysResult("fscontext", "fsopen", [monitor.str(step.type), FSOPEN_CLOEXEC]);
  monitor.sys("fsconfig", [context, FSCONFIG.SET_STRING, monitor.str("source"), device, 0]);
  if (step.readonly) monitor.sys("fsconfig", [context, FSCONFIG.SET_FLAG, monitor.str("ro"), 0, 0]);
  const { mountLabel } = c.resolved;
  if (mountLabel !== undefined)
    monitor.sys("fsconfig", [context, FSCONFIG.SET_STRING, monitor.str("context"), monitor.str(mountLabel), 0]);
  monitor.sys("fsconfig", [context, FSCONFIG.CMD_CREATE, 0, 0, 0], { why: `mount ${step.file}` });
  const attributes = step.readonly ? MOUNT_ATTR.RDONLY : 0;
  const mount = monitor.sysResult("image_mount", "fsmount", [context, FSMOUNT_CLOEXEC, attributes]);
  monitor.sys("close", [context]);
  monitor.sys("close", [c.program.register("loop")]);
  const slot = lend(c, mount);
  monitor.at(member);
  const flags = MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_SYMLINKS;
  block.load(mount, slot, 4);
  block.sys("move_mount", [mount, block.str(""), AT.FDCWD, block.str(step.target), flags]);
}
