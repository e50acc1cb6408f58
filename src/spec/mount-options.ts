import { invalid, nearest } from "../errors.ts";
import { MOUNT_ATTR, MS } from "../linux/index.ts";

/** What the options of a mount mean. */
export interface MountOptions {
  readonly bind: boolean;
  /** rbind */
  readonly recursive: boolean;
  readonly remount: boolean;
  /** MS_* to set, and those to clear where a mount has them already; no bit is in both. */
  readonly flagsSet: number;
  readonly flagsClear: number;
  /** MOUNT_ATTR_* for the mount and all below it (rro, rnosuid, ...), in the form of mount_setattr(2). They come after the flags. */
  readonly recursiveSet: number;
  readonly recursiveClear: number;
  /** MS_PRIVATE, MS_SHARED, MS_SLAVE or MS_UNBINDABLE, with MS_REC for the forms with "r"; 0: none was given. */
  readonly propagation: number;
  readonly idmap: "none" | "idmap" | "ridmap";
  readonly tmpcopyup: boolean;
  /** What is left for the filesystem itself, separated by commas. */
  readonly data: string;
}

/** The three ways to keep access times exclude each other: the last one counts. */
const ATIME_FLAGS = MS.NOATIME | MS.RELATIME | MS.STRICTATIME;

type Mutable = { -readonly [K in keyof MountOptions]: MountOptions[K] };
type Effect = (options: Mutable) => void;

const assign =
  (values: Partial<MountOptions>): Effect =>
  (options) => {
    Object.assign(options, values);
  };

const set =
  (bit: number): Effect =>
  (options) => {
    const others = bit & ATIME_FLAGS ? ATIME_FLAGS & ~bit : 0;
    options.flagsSet = (options.flagsSet | bit) & ~others;
    options.flagsClear = (options.flagsClear | others) & ~bit;
  };
const clear =
  (bit: number): Effect =>
  (options) => {
    options.flagsSet &= ~bit;
    options.flagsClear |= bit;
  };

const setBelow =
  (bit: number): Effect =>
  (options) => {
    options.recursiveSet |= bit;
    options.recursiveClear &= ~bit;
  };
const clearBelow =
  (bit: number): Effect =>
  (options) => {
    options.recursiveSet &= ~bit;
    options.recursiveClear |= bit;
  };
/** Access times are a number within the attributes, not bits: its whole field is cleared, then set (mount_setattr(2)). Relatime is 0. */
const atimeBelow =
  (mode: number): Effect =>
  (options) => {
    options.recursiveSet = (options.recursiveSet & ~MOUNT_ATTR.ATIME) | mode;
    options.recursiveClear |= MOUNT_ATTR.ATIME;
  };
const nothing: Effect = () => {};

/** Each option, its opposite and the bit. */
const FLAGS: readonly (readonly [string, string | undefined, number])[] = [
  ["ro", "rw", MS.RDONLY],
  ["nosuid", "suid", MS.NOSUID],
  ["nodev", "dev", MS.NODEV],
  ["noexec", "exec", MS.NOEXEC],
  ["nosymfollow", "symfollow", MS.NOSYMFOLLOW],
  ["noatime", "atime", MS.NOATIME],
  ["nodiratime", "diratime", MS.NODIRATIME],
  ["relatime", "norelatime", MS.RELATIME],
  ["strictatime", "nostrictatime", MS.STRICTATIME],
  ["sync", "async", MS.SYNCHRONOUS],
  ["dirsync", undefined, MS.DIRSYNC],
  ["lazytime", "nolazytime", MS.LAZYTIME],
  ["iversion", "noiversion", MS.I_VERSION],
  ["mand", "nomand", MS.MANDLOCK],
  ["silent", "loud", MS.SILENT],
];

const BELOW: readonly (readonly [string, string, number])[] = [
  ["rro", "rrw", MOUNT_ATTR.RDONLY],
  ["rnosuid", "rsuid", MOUNT_ATTR.NOSUID],
  ["rnodev", "rdev", MOUNT_ATTR.NODEV],
  ["rnoexec", "rexec", MOUNT_ATTR.NOEXEC],
  ["rnosymfollow", "rsymfollow", MOUNT_ATTR.NOSYMFOLLOW],
  ["rnodiratime", "rdiratime", MOUNT_ATTR.NODIRATIME],
];

const PROPAGATION = { private: MS.PRIVATE, shared: MS.SHARED, slave: MS.SLAVE, unbindable: MS.UNBINDABLE } as const;

/**
 * All options that are not a filesystem's own.
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config.md#linux-mount-options
 */
const EFFECTS: ReadonlyMap<string, Effect> = new Map<string, Effect>([
  // What mount(2) does anyway; it does not undo what an existing mount has.
  ["defaults", nothing],
  ...FLAGS.flatMap(([name, opposite, bit]): [string, Effect][] => [
    [name, set(bit)],
    ...(opposite === undefined ? [] : ([[opposite, clear(bit)]] as [string, Effect][])),
  ]),
  ...BELOW.flatMap(([name, opposite, bit]): [string, Effect][] => [
    [name, setBelow(bit)],
    [opposite, clearBelow(bit)],
  ]),
  ["rnoatime", atimeBelow(MOUNT_ATTR.NOATIME)],
  ["rstrictatime", atimeBelow(MOUNT_ATTR.STRICTATIME)],
  ["rrelatime", atimeBelow(0)],
  ["ratime", atimeBelow(0)],
  ["rnostrictatime", atimeBelow(0)],
  // Relatime is what the kernel does when nothing else is asked for, so there is nothing to turn off.
  ["rnorelatime", nothing],
  ...Object.entries(PROPAGATION).flatMap(([name, bit]): [string, Effect][] => [
    [name, assign({ propagation: bit })],
    [`r${name}`, assign({ propagation: bit | MS.REC })],
  ]),
  ["bind", assign({ bind: true })],
  ["rbind", assign({ bind: true, recursive: true })],
  ["remount", assign({ remount: true })],
  ["idmap", (options) => (options.idmap === "none" ? Object.assign(options, { idmap: "idmap" }) : options)],
  ["ridmap", assign({ idmap: "ridmap" })],
  ["tmpcopyup", assign({ tmpcopyup: true })],
]);

/** Whether an option is one that every filesystem has, and none of its own. */
export const isMountOption = (option: string): boolean => EFFECTS.has(option);
export const mountOptionNames = (): readonly string[] => [...EFFECTS.keys()];

/** mount(2) takes a page of data and cuts off the rest without a word. */
const MOST_DATA = 4095;

/** Sorts the options of a mount by what they are for. Of those that contradict each other the last one counts. */
export function parseMountOptions(options: readonly string[], member: string): MountOptions {
  const result: Mutable = {
    bind: false,
    recursive: false,
    remount: false,
    flagsSet: 0,
    flagsClear: 0,
    recursiveSet: 0,
    recursiveClear: 0,
    propagation: 0,
    idmap: "none",
    tmpcopyup: false,
    data: "",
  };
  const data: number[] = [];
  options.forEach((option, index) => {
    const effect = EFFECTS.get(option);
    if (effect) effect(result);
    else data.push(index);
  });
  if (data.length > 0) result.data = joinData(options, data, result, member);
  return result;
}

function joinData(
  options: readonly string[],
  indexes: readonly number[],
  result: MountOptions,
  member: string,
): string {
  for (const index of indexes) {
    const option = options[index] ?? "";
    const at = `${member}[${index}]`;
    if (option === "") throw invalid(at, option, "an option that is not empty");
    const hidden = option.includes(",") ? option.split(",").find((part) => EFFECTS.has(part)) : undefined;
    if (hidden !== undefined) {
      throw invalid(
        at,
        option,
        "one option",
        `give each one a place of its own in the list: ${JSON.stringify(option.split(","))}`,
      );
    }
    // The kernel ignores data of bind mounts, and with it every misspelt "nosuid".
    if (result.bind)
      throw invalid(
        at,
        option,
        "an option of bind mounts, as these take none of the filesystem's own",
        hintFor(option),
      );
  }
  const data = indexes.map((index) => options[index]).join(",");
  if (Buffer.byteLength(data) <= MOST_DATA) return data;
  throw invalid(
    member,
    data,
    `at most ${MOST_DATA} bytes of options for the filesystem, as the kernel cuts off the rest`,
  );
}

function hintFor(option: string): string | undefined {
  const near = nearest(option, [...EFFECTS.keys()]);
  return near === undefined ? undefined : `did you mean "${near}"?`;
}

/** The flags as mount_setattr(2) takes them. Flags of whole filesystems (sync, lazytime, ...) are no attributes of a mount and left out. */
export function mountAttributes(flags: Pick<MountOptions, "flagsSet" | "flagsClear">): {
  readonly set: number;
  readonly clear: number;
} {
  const { flagsSet, flagsClear } = flags;
  const result = { set: attributes(flagsSet), clear: attributes(flagsClear) };
  if (flagsSet & ATIME_FLAGS) {
    result.clear |= MOUNT_ATTR.ATIME;
    if (flagsSet & MS.NOATIME) result.set |= MOUNT_ATTR.NOATIME;
    if (flagsSet & MS.STRICTATIME) result.set |= MOUNT_ATTR.STRICTATIME;
  } else if (flagsClear & (MS.NOATIME | MS.STRICTATIME)) {
    // Neither of the two leaves relatime, the kernel's default.
    result.clear |= MOUNT_ATTR.ATIME;
  }
  return result;
}

const ATTRIBUTES: readonly (readonly [number, number])[] = [
  [MS.RDONLY, MOUNT_ATTR.RDONLY],
  [MS.NOSUID, MOUNT_ATTR.NOSUID],
  [MS.NODEV, MOUNT_ATTR.NODEV],
  [MS.NOEXEC, MOUNT_ATTR.NOEXEC],
  [MS.NODIRATIME, MOUNT_ATTR.NODIRATIME],
  [MS.NOSYMFOLLOW, MOUNT_ATTR.NOSYMFOLLOW],
];

function attributes(flags: number): number {
  let result = 0;
  for (const [flag, attribute] of ATTRIBUTES) if (flags & flag) result |= attribute;
  return result;
}
