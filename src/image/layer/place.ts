import { type Arch, AT, E, makedev, O, openFlags } from "../../linux/index.ts";
import { type CallWriter, type DataRef, LIMIT, type Register } from "../../program/index.ts";
import { badLayer } from "./layer-error.ts";
import { show } from "./layer-names.ts";
import { encodeName, encodeNameInto } from "./name-bytes.ts";
import type { TarEntry, Timestamp } from "./tar-entry.ts";

/** Registers of a session; they keep their values from one call to the next. */
const FILE: Register = { kind: "register", index: 0, name: "file" };
const WRITTEN: Register = { kind: "register", index: 1, name: "written" };

/** stat(2) */
const KIND = { character: 0o020000, block: 0o060000, fifo: 0o010000 } as const;
const OWNER_RW = 0o600;
/** The errno of a write that was cut short: there is no room for the rest. */
const ENOSPC = 28;

/** How entries are placed. */
export interface PlaceRules {
  readonly arch: Arch;
  /** Whether files get the owners that the archive says; without it all belong to whoever unpacks. */
  readonly owners: boolean;
  /** Whether owner and mode must be set even if new files have them: directories that were there before may give others, by set-group-ID bits and default ACLs. */
  readonly alwaysOwner: boolean;
}

/** Operations of the most demanding entry without its content, and bytes of its names, attributes and times. */
export const ENTRY_OPS = 8;
export const entryBytes = (path: string, entry: TarEntry): number => {
  let bytes = (path.length + entry.linkname.length) * 3 + 96;
  for (const [name, value] of entry.xattrs) bytes += name.length * 3 + value.length + 32 + 72;
  return bytes;
};

export const pathData = (w: CallWriter, path: string): DataRef =>
  w.place(path.length * 3 + 1, (target, at) => {
    const length = encodeNameInto(path, target, at);
    target[at + length] = 0;
    return length + 1;
  });

/** struct timespec twice: for the time of access, which archives of layers do not tell, the other one is taken. */
function times(w: CallWriter, { seconds, nanoseconds }: Timestamp): DataRef {
  return w.place(32, (target, at) => {
    const view = new DataView(target.buffer, at, 32);
    for (const place of [0, 16]) {
      view.setInt32(place, seconds, true);
      view.setInt32(place + 4, Math.floor(seconds / 0x1_0000_0000), true);
      view.setUint32(place + 8, nanoseconds, true);
      view.setUint32(place + 12, 0, true);
    }
    return 32;
  });
}

/** The layer's root before its entries: nothing of the directory that it lies in is handed down to what is made in it. */
export function placeRoot(w: CallWriter): void {
  const data = pathData(w, ".");
  w.sys("fchownat", [AT.FDCWD, data, 0, 0, AT.SYMLINK_NOFOLLOW]);
  w.sys("fchmodat", [AT.FDCWD, data, 0o755]);
  w.sys("lremovexattr", [data, nameData(w, "system.posix_acl_default")], { tolerate: LIMIT.ANY_ERRNO });
}

/** Creates a file and leaves it open, with the mode that it will have: but an application that is not root may have to open it once more. */
export function openFile(w: CallWriter, path: string, { mode }: TarEntry, { arch }: PlaceRules): void {
  const flags = O.WRONLY | O.CREAT | O.EXCL | O.CLOEXEC | openFlags(arch).NOFOLLOW;
  w.sys("openat", [AT.FDCWD, pathData(w, path), flags, (mode & 0o777) | OWNER_RW], { dst: FILE });
}

/** What does not fit on the disk must not go unnoticed: a write may be cut short without an error (write(2)). */
export function writeFile(w: CallWriter, bytes: Uint8Array, at: number): void {
  w.sys("pwrite64", [FILE, w.bytes(bytes), bytes.length, at], { dst: WRITTEN });
  w.expect(WRITTEN, bytes.length, ENOSPC);
}

/** What was made outlives a loss of power: one waiting for the whole filesystem, in place of one for each file (syncfs(2)). */
export function syncAll(w: CallWriter): void {
  w.sys("openat", [AT.FDCWD, pathData(w, "."), O.RDONLY | O.CLOEXEC, 0], { dst: FILE });
  w.sys("syncfs", [FILE]);
  w.sys("close", [FILE]);
}

/** Sets what was said of the open file, in the order in which one undoes the other: a new owner takes set-user-ID bits and capabilities away. */
export function finishFile(w: CallWriter, entry: TarEntry, sparse: boolean, rules: PlaceRules): void {
  if (sparse) w.sys("ftruncate", [FILE, entry.size]);
  if (hasOwner(entry, rules)) w.sys("fchown", [FILE, entry.uid, entry.gid]);
  if ((entry.mode & (0o7000 | OWNER_RW)) !== OWNER_RW || rules.alwaysOwner) w.sys("fchmod", [FILE, entry.mode]);
  for (const [name, value] of entry.xattrs) {
    w.sys("fsetxattr", [FILE, nameData(w, name), w.bytes(value), value.length, 0]);
  }
  w.sys("utimensat", [FILE, 0, times(w, entry.mtime), 0]);
  w.sys("close", [FILE]);
}

/** Everything that has no content. Directories get their attributes last (see `finishDirectory`). */
export function placeOther(w: CallWriter, path: string, entry: TarEntry, rules: PlaceRules): void {
  const data = pathData(w, path);
  if (entry.type === "directory") {
    w.sys("mkdirat", [AT.FDCWD, data, 0o700]);
    return;
  }
  if (entry.type === "symlink") {
    if (entry.linkname === "") throw badLayer(`the symbolic link ${show(path)} leads nowhere`, { path });
    w.sys("symlinkat", [pathData(w, entry.linkname), AT.FDCWD, data]);
  } else
    w.sys("mknodat", [
      AT.FDCWD,
      data,
      KIND[entry.type as keyof typeof KIND] | (entry.mode & 0o777),
      device(entry, path),
    ]);
  if (hasOwner(entry, rules)) w.sys("fchownat", [AT.FDCWD, data, entry.uid, entry.gid, AT.SYMLINK_NOFOLLOW]);
  if (entry.type !== "symlink" && (entry.mode & 0o7000) !== 0) w.sys("fchmodat", [AT.FDCWD, data, entry.mode]);
  setXattrs(w, data, entry);
  w.sys("utimensat", [AT.FDCWD, data, times(w, entry.mtime), AT.SYMLINK_NOFOLLOW]);
}

/** A second name of a file; `target` is a path as `path` is, and a symbolic link there is not followed (link(2)). */
export function placeLink(w: CallWriter, path: string, target: string): void {
  w.sys("linkat", [AT.FDCWD, pathData(w, target), AT.FDCWD, pathData(w, path), 0]);
}

/** The attributes of a directory when all is in it: what is made in one changes its times, and its set-group-ID bit and default ACL what is made. */
export function finishDirectory(w: CallWriter, path: string, entry: TarEntry, rules: PlaceRules): void {
  const data = pathData(w, path);
  if (rules.owners) w.sys("fchownat", [AT.FDCWD, data, entry.uid, entry.gid, AT.SYMLINK_NOFOLLOW]);
  w.sys("fchmodat", [AT.FDCWD, data, entry.mode]);
  setXattrs(w, data, entry);
  w.sys("utimensat", [AT.FDCWD, data, times(w, entry.mtime), AT.SYMLINK_NOFOLLOW]);
}

function setXattrs(w: CallWriter, data: DataRef, entry: TarEntry): void {
  for (const [name, value] of entry.xattrs) {
    w.sys("lsetxattr", [data, nameData(w, name), w.bytes(value), value.length, 0]);
  }
}

/** Overlay's whiteout: a character device of number 0 (overlayfs.rst, "whiteouts and opaque directories"). */
export function placeWhiteout(w: CallWriter, path: string): void {
  w.sys("mknodat", [AT.FDCWD, pathData(w, path), KIND.character | 0o600, 0]);
}

/** The first attribute must be taken; further ones only where the filesystem has them. */
export function placeOpaque(w: CallWriter, path: string, [attribute = "", ...further]: readonly string[]): void {
  const set = (name: string, how: { readonly tolerate?: number }) =>
    w.sys("lsetxattr", [pathData(w, path), nameData(w, name), w.bytes(encodeName("y")), 1, 0], how);
  set(attribute, {});
  for (const name of further) set(name, { tolerate: E.ENOTSUP });
}

const nameData = (w: CallWriter, name: string): DataRef => pathData(w, name);

/** What is made belongs to root, who makes it. */
const hasOwner = (entry: TarEntry, rules: PlaceRules): boolean =>
  rules.owners && (rules.alwaysOwner || entry.uid !== 0 || entry.gid !== 0);

function device({ type, major, minor }: TarEntry, path: string): number {
  if (type === "fifo") return 0;
  if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
    throw badLayer(`the device ${show(path)} has the number ${major}:${minor}, which Linux has not`, { path });
  }
  return makedev(major, minor) >>> 0;
}
