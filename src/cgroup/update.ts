import { existsSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { parseSize, type Resources } from "../spec/index.ts";
import { deviceProgram } from "./device-program.ts";
import { deviceChanges, deviceListOf, parseDeviceList } from "./devices.ts";
import { failedWith, fileError, readCgroupFile, writeCgroupFile } from "./files.ts";
import { type Cgroup, directoryOf, unifiedOf } from "./handle.ts";
import { restoring } from "./restore.ts";
import type { Setting } from "./setting.ts";
import { settingsOf, type VersionOf } from "./translate.ts";

/** Gives a cgroup of version 2 a program for devices, at once. It takes bpf(2), which needs the executor. */
export type AttachDevices = (directory: string, program: Uint8Array) => Promise<void>;

/**
 * Changes limits of a running container; what is not named stays as it is. When the kernel refuses one of them, those that were changed before are put back, and
 * a LibctError tells the file, the value and the kernel's reason.
 */
export async function update(cgroup: Cgroup, resources: Resources, attach?: AttachDevices): Promise<void> {
  const writes = planUpdate(cgroup, resources, readCgroupFile);
  const undo = applyAll(writes);
  try {
    if (resources.devices) await updateDevices(cgroup, resources.devices, attach);
  } catch (error) {
    putBack(undo);
    throw error;
  }
}

/** A write to a file of the container's cgroup. */
export interface UpdateWrite {
  readonly path: string;
  readonly value: string;
  readonly member: string;
  readonly hint?: string;
}

/** Which files are written; `read` gives what they say now. */
export function planUpdate(
  cgroup: Cgroup,
  resources: Resources,
  read: (path: string) => string,
  exists: (path: string) => boolean = existsSync,
): readonly UpdateWrite[] {
  const whole = completed(cgroup, resources, read);
  if (whole.memory?.checkBeforeUpdate) checkUsage(cgroup, whole, read);
  return settingsOf(whole, versionOf(cgroup)).flatMap((setting): UpdateWrite[] => {
    const directory = directoryOf(cgroup, setting.controller);
    if (!directory) throw withoutController(setting);
    const { file, value } = present(setting, directory.path, exists);
    const path = `${directory.path}/${file}`;
    if (setting.optional && !exists(path)) return [];
    return [{ path, value, member: setting.member }];
  });
}

/** Each controller's version, of a container's cgroups. */
export const versionOf =
  (cgroup: Cgroup): VersionOf =>
  (controller) =>
    (controller === "unified"
      ? unifiedOf(cgroup)
      : directoryOf(cgroup, ...(controller === "blkio" ? ["blkio", "io"] : [controller]))
    )?.version;

const present = (setting: Setting, directory: string, exists: (path: string) => boolean) =>
  setting.otherwise && !exists(`${directory}/${setting.file}`) ? setting.otherwise : setting;

/** Members that are written together with another one are taken from what holds. */
export function completed(cgroup: Cgroup, resources: Resources, read: (path: string) => string): Resources {
  const { memory, cpu } = resources;
  const first = (name: string) => directoryOf(cgroup, name)?.version !== 2;
  let whole = resources;
  if (memory?.swap !== undefined && Number(memory.swap) !== -1 && memory.limit === undefined && !first("memory")) {
    const limit = read(`${directoryOf(cgroup, "memory")?.path}/memory.max`).trim();
    if (limit === "max") throw needsLimit(memory.swap);
    whole = { ...whole, memory: { ...memory, limit } };
    if (parseSize(memory.swap, "resources.memory.swap") < Number(limit)) throw needsLimit(memory.swap);
  }
  if (cpu?.period !== undefined && cpu.quota === undefined && !first("cpu")) {
    const [quota] = read(`${directoryOf(cgroup, "cpu")?.path}/cpu.max`).split(" ");
    whole = { ...whole, cpu: { ...cpu, quota: quota === "max" ? -1 : Number(quota) } };
  }
  return whole;
}

const needsLimit = (swap: number | string) =>
  new LibctError("ERR_CT_INVALID_SPEC", `invalid value ${swap}: expected at least the limit of memory`, {
    member: "resources.memory.swap",
    hint: "it counts memory and swap together: give memory.limit too",
  });

function withoutController({ controller, member }: Setting): LibctError {
  return new LibctError("ERR_CT_NOT_SUPPORTED", `the container has no cgroup with the ${controller} controller`, {
    member,
    hint: "give it such a limit when it is made, or see `ct doctor` for what this user can limit",
  });
}

function checkUsage(cgroup: Cgroup, { memory }: Resources, read: (path: string) => string): void {
  const directory = directoryOf(cgroup, "memory");
  if (!directory || memory?.limit === undefined || Number(memory.limit) === -1) return;
  const file = directory.version === 1 ? "memory.usage_in_bytes" : "memory.current";
  const usage = Number(read(`${directory.path}/${file}`));
  if (usage <= parseSize(memory.limit, "resources.memory.limit")) return;
  const message = `the limit ${memory.limit} is below the ${usage} bytes that the container uses`;
  throw new LibctError("ERR_CT_STATE", message, {
    member: "resources.memory.limit",
    hint: "leave checkBeforeUpdate out to reclaim memory",
  });
}

export interface Undo {
  readonly path: string;
  readonly value: string;
}

/**
 * Some limits bind each other (memory.limit_in_bytes may not be above memory.memsw.limit_in_bytes, a burst not above its quota), and which has to go first depends
 * on what holds now. So what the kernel refuses as invalid is tried again after the others, as long as that gets any further.
 */
function applyAll(writes: readonly UpdateWrite[]): readonly Undo[] {
  const undo: Undo[] = [];
  let left = writes;
  while (left.length > 0) {
    const refused: { readonly write: UpdateWrite; readonly cause: unknown }[] = [];
    for (const write of left) {
      try {
        undo.unshift(apply(write));
      } catch (cause) {
        refused.push({ write, cause });
        if (!failedWith(cause, "EINVAL")) break;
      }
    }
    const hopeless = refused.find(({ cause }) => !failedWith(cause, "EINVAL")) ?? refused[0];
    if (hopeless && (refused.length === left.length || !failedWith(hopeless.cause, "EINVAL"))) {
      putBack(undo);
      throw refusal(hopeless.write, hopeless.cause);
    }
    left = refused.map(({ write }) => write);
  }
  return undo;
}

function apply({ path, value }: UpdateWrite): Undo {
  const undo = undoOf(path, value);
  writeCgroupFile(path, value);
  return undo;
}

const undoOf = (path: string, value: string): Undo => ({
  path,
  value: restoring(path.slice(path.lastIndexOf("/") + 1), readCgroupFile(path), value),
});

/** What has to be written to have the files as they are now. */
export const snapshot = (writes: readonly UpdateWrite[]): readonly Undo[] =>
  writes.map(({ path, value }) => undoOf(path, value)).reverse();

/** In the other direction the order is right by itself. What cannot be put back is no worse than it was: the first error is what counts. */
export function putBack(undo: readonly Undo[]): void {
  for (const { path, value } of undo) {
    try {
      writeCgroupFile(path, value);
    } catch (error) {
      if (!failedWith(error, "EINVAL", "EBUSY", "ENOENT", "ENODEV")) throw fileError("write", path, error);
    }
  }
}

function refusal({ path, value, member }: UpdateWrite, cause: unknown): LibctError {
  if (cause instanceof LibctError) return cause;
  const { code = "" } = cause as NodeJS.ErrnoException;
  const known = fileError("write", path, cause);
  if (known.code !== "ERR_CT_SYSCALL") return known;
  const hint = REASONS[code] ?? "the limits that were changed before were put back";
  return new LibctError("ERR_CT_SYSCALL", `cannot write ${value} to ${path}: ${code}`, {
    syscall: "write",
    errno: code,
    path,
    member,
    hint,
    cause,
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EBUSY: "more is in use than the new limit allows, and could not be reclaimed",
  EINVAL: "the value goes beyond what a cgroup above allows, or does not fit another limit of this container",
  ENOENT: "this kernel's controller does not have that file",
  ERANGE: "the value is out of the kernel's range",
};

async function updateDevices(
  cgroup: Cgroup,
  rules: NonNullable<Resources["devices"]>,
  attach: AttachDevices | undefined,
): Promise<void> {
  const member = "resources.devices";
  const first = directoryOf(cgroup, "devices");
  if (first) {
    const now = parseDeviceList(readCgroupFile(`${first.path}/devices.list`));
    const changes = deviceChanges(now, deviceListOf(rules));
    for (const { file, value } of changes) {
      const write = { path: `${first.path}/${file}`, value, member };
      try {
        writeCgroupFile(write.path, value);
      } catch (cause) {
        throw refusal(write, cause);
      }
    }
    return;
  }
  const unified = unifiedOf(cgroup);
  if (unified && attach) return await attach(unified.path, deviceProgram(rules));
  throw new LibctError("ERR_CT_NOT_SUPPORTED", "the rules for devices cannot be changed here", {
    member,
    hint: unified ? "change them through Container.update" : "the container has no cgroup for devices",
  });
}
