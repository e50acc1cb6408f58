import { badLayer } from "./layer-error.ts";
import { type PaxRecords, paxName, paxNumber, paxTime } from "./pax.ts";
import { NO_XATTRS, type TarEntry, type TarType } from "./tar-entry.ts";
import type { RawHeader } from "./tar-header.ts";

/** What precedes a header and says more of its entry. */
export interface Preceding {
  /** GNU tar's long names. */
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
  /** Those for all entries that follow, then those of this one, which win. */
  readonly pax: PaxRecords;
}

/** Types by their letter: "7" is a contiguous file, "S" a sparse one of GNU tar, "D" a directory with a listing that is passed over. */
const TYPES: Readonly<Record<string, TarType>> = {
  "0": "file",
  "7": "file",
  S: "file",
  "1": "link",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  D: "directory",
  "6": "fifo",
};

/** Before the name of an extended attribute, whose value is bytes. */
const XATTR = "SCHILY.xattr.";

const SAYS: ReadonlySet<string> = new Set(["path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime"]);

/** Records that change an entry: others (atime, ctime, comments of their author) are not even kept. */
export const saysSomething = ([key]: PaxRecords[number]): boolean =>
  SAYS.has(key) || key.startsWith(XATTR) || key.startsWith("GNU.sparse.");

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The entry of a header and what precedes it. `stored` are the bytes that follow in the archive. */
export function describeEntry(
  header: RawHeader,
  preceding: Preceding,
): { readonly entry: TarEntry; readonly stored: number } {
  const entry = fromHeader(header, preceding);
  let stored = header.size;
  const xattrs = new Map<string, Uint8Array>();
  for (const [key, value] of preceding.pax) {
    // An empty value takes back what was said (POSIX pax): the header counts. But an attribute may well be empty.
    if (value.length === 0 && !key.startsWith(XATTR)) continue;
    if (key === "size" || key === "GNU.sparse.realsize" || key === "GNU.sparse.size") {
      const size = paxNumber(key, value);
      if (size < 0) throw badLayer("an entry of the tar archive has a negative size", { path: entry.name });
      if (key === "size") stored = size;
      entry.size = size;
    } else if (key.startsWith(XATTR)) xattrs.set(key.slice(XATTR.length), value.slice());
    else applyRecord(entry, key, value);
  }
  if (xattrs.size > 0) entry.xattrs = xattrs;
  if (stored < 0) throw badLayer("an entry of the tar archive has a negative size", { path: entry.name });
  if (!preceding.pax.some(([key]) => key.startsWith("GNU.sparse."))) entry.size = stored;
  // An old archive's directory is a file with a slash.
  if (entry.type === "file" && entry.name.endsWith("/")) entry.type = "directory";
  if (entry.type !== "file") {
    entry.size = 0;
    // What others than files say of a size is not followed by that much (as Go's archive/tar reads them, which wrote most layers).
    if (header.type !== "D") stored = 0;
  }
  return { entry, stored };
}

function fromHeader(header: RawHeader, preceding: Preceding): Mutable<TarEntry> {
  const type = TYPES[header.type];
  if (type === undefined) {
    throw badLayer(`an entry of the tar archive is of the unknown type ${JSON.stringify(header.type)}`, {
      path: header.name,
    });
  }
  return {
    name: preceding.longName ?? header.name,
    type,
    linkname: preceding.longLink ?? header.linkname,
    mode: header.mode & 0o7777,
    uid: header.uid,
    gid: header.gid,
    uname: header.uname,
    gname: header.gname,
    size: header.size,
    mtime: { seconds: header.mtime, nanoseconds: 0 },
    major: header.major,
    minor: header.minor,
    xattrs: NO_XATTRS,
  };
}

function applyRecord(entry: Mutable<TarEntry>, key: string, value: Uint8Array): void {
  if (key === "path") entry.name = paxName(key, value);
  else if (key === "GNU.sparse.name") entry.name = paxName(key, value);
  else if (key === "linkpath") entry.linkname = paxName(key, value);
  else if (key === "uid") entry.uid = paxNumber(key, value);
  else if (key === "gid") entry.gid = paxNumber(key, value);
  else if (key === "uname") entry.uname = paxName(key, value);
  else if (key === "gname") entry.gname = paxName(key, value);
  else if (key === "mtime") entry.mtime = paxTime(key, value);
}
