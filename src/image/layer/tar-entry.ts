/** What an entry of a tar archive makes. "link" is a hard link to an earlier entry. */
export type TarType = "file" | "directory" | "symlink" | "link" | "character" | "block" | "fifo";

export interface Timestamp {
  /** Since the epoch; negative before it. */
  readonly seconds: number;
  /** 0 to 999,999,999 */
  readonly nanoseconds: number;
}

/**
 * An entry of a tar archive. Names are what the archive says, which is not trusted: absolute ones and ".." are there as they are. Bytes of a name
 * that are not UTF-8 are lone surrogates (see name-bytes.ts), so that no name is lost.
 */
export interface TarEntry {
  readonly name: string;
  readonly type: TarType;
  /** Where a symlink or a hard link leads; else empty. */
  readonly linkname: string;
  /** The twelve bits of permissions, set-user-ID, set-group-ID and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  /** Bytes of a file's content, holes of a sparse one included; 0 of everything else. */
  readonly size: number;
  readonly mtime: Timestamp;
  /** Of a device. */
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

export const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();
export const BLOCK = 512;

/** A place in the content of a sparse file that holds data. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** An entry with what only its author need not say. */
export type NewTarEntry = Pick<TarEntry, "name" | "type"> & Partial<TarEntry>;
