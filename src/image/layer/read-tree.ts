import { LibctError } from "../../errors.ts";
import { AT, E, errnoName } from "../../linux/index.ts";
import { beside } from "./beside.ts";
import { show } from "./layer-names.ts";
import { listDirectory } from "./list-directory.ts";
import { decodeName } from "./name-bytes.ts";
import type { Session } from "./session.ts";
import { NO_XATTRS, type TarEntry, type TarType } from "./tar-entry.ts";

/** Something in a tree, as its entry in an archive would be; its name is the path from the tree's root. */
export interface TreeEntry extends TarEntry {
  /** Sockets cannot be in an archive. */
  readonly isSocket: boolean;
  /** The same for all names of one file. */
  readonly inode: string;
  readonly links: number;
}

/** The code of SEND for facts. */
const FACTS = 2;
/** For each: struct statx, two lengths, names of attributes, the target of a link. Few are longer, and are asked for alone. */
const SLOT = { size: 1024, lengths: 256, attributes: 272, target: 512 } as const;
const ATTRIBUTES_ROOM = SLOT.target - SLOT.attributes;
const TARGET_ROOM = SLOT.size - SLOT.target;
/** What one SEND carries. */
const AT_ONCE = 16;
const STATX_BASIC_STATS = 0x7ff;

/** What is in a directory, in the order of the bytes of the names; nothing when it is not there. */
export async function readDirectory(session: Session, path: string): Promise<readonly TreeEntry[]> {
  const names = ((await listDirectory(session, path)) ?? []).map(({ name }) =>
    path === "." ? name : `${path}/${name}`,
  );
  const found: TreeEntry[] = [];
  for (let at = 0; at < names.length; at += AT_ONCE)
    found.push(...(await readSome(session, names.slice(at, at + AT_ONCE))));
  return found.sort((a, b) => compareNames(a.name, b.name));
}

/** By bytes, as all archivers of layers do: UTF-16 has another order only beyond the basic plane. */
export const compareNames = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function readSome(session: Session, names: readonly string[]): Promise<readonly TreeEntry[]> {
  let facts: DataView = new DataView(new ArrayBuffer(0));
  session.onData = (code, bytes) => {
    if (code === FACTS) facts = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  };
  const { errno, op } = await beside(session, (block, text) => {
    const buffer = block.memory.zeroed(names.length * SLOT.size);
    const length = block.program.register("length");
    names.forEach((name, index) => {
      const slot = (by: number) => block.memory.at(buffer, index * SLOT.size + by);
      const path = text(name);
      block.sys("statx", [AT.FDCWD, path, AT.SYMLINK_NOFOLLOW, STATX_BASIC_STATS, slot(0)]);
      block.sys("llistxattr", [path, slot(SLOT.attributes), ATTRIBUTES_ROOM], { dst: length, tolerate: "any" });
      block.store(slot(SLOT.lengths), length, 8);
      block.sys("readlinkat", [AT.FDCWD, path, slot(SLOT.target), TARGET_ROOM], { dst: length, tolerate: "any" });
      block.store(slot(SLOT.lengths + 8), length, 8);
    });
    block.send(FACTS, buffer, names.length * SLOT.size);
  });
  const failed = names[Math.floor(op / 5)];
  if (errno !== 0) throw readError(failed ?? ".", "statx", errno);
  const entries: TreeEntry[] = [];
  for (const [index, name] of names.entries()) {
    const slot = new DataView(facts.buffer, facts.byteOffset + index * SLOT.size, SLOT.size);
    entries.push(await describe(session, name, slot));
  }
  return entries;
}

const TYPES: ReadonlyMap<number, TarType> = new Map([
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "symlink"],
  [0o020000, "character"],
  [0o060000, "block"],
  [0o010000, "fifo"],
]);

/** struct statx (statx(2)) */
async function describe(session: Session, name: string, slot: DataView): Promise<TreeEntry> {
  const mode = slot.getUint16(28, true);
  const type = TYPES.get(mode & 0o170000);
  const size = Number(slot.getBigUint64(40, true));
  return {
    name,
    type: type ?? "file",
    isSocket: type === undefined,
    linkname: type === "symlink" ? await readTarget(session, name, slot) : "",
    mode: mode & 0o7777,
    uid: slot.getUint32(20, true),
    gid: slot.getUint32(24, true),
    uname: "",
    gname: "",
    size: type === "file" ? size : 0,
    mtime: { seconds: Number(slot.getBigInt64(112, true)), nanoseconds: slot.getUint32(120, true) },
    major: slot.getUint32(128, true),
    minor: slot.getUint32(132, true),
    xattrs: await readXattrs(session, name, slot),
    inode: `${slot.getUint32(136, true)}:${slot.getUint32(140, true)}:${slot.getBigUint64(32, true)}`,
    links: slot.getUint32(16, true),
  };
}

async function readTarget(session: Session, name: string, slot: DataView): Promise<string> {
  const length = Number(slot.getBigInt64(SLOT.lengths + 8, true));
  if (length < 0) throw readError(name, "readlinkat", -length);
  if (length < TARGET_ROOM) return decodeName(part(slot, SLOT.target, length));
  return decodeName(await ask(session, name, "readlinkat", 4096, (path, buffer) => [AT.FDCWD, path, buffer, 4096]));
}

async function readXattrs(session: Session, name: string, slot: DataView): Promise<ReadonlyMap<string, Uint8Array>> {
  const length = Number(slot.getBigInt64(SLOT.lengths, true));
  if (length === 0 || length === -E.ENOTSUP) return NO_XATTRS;
  if (length < 0 && length !== -ERANGE) throw readError(name, "llistxattr", -length);
  const names =
    length > 0
      ? part(slot, SLOT.attributes, length)
      : await ask(session, name, "llistxattr", LONGEST, (path, buffer) => [path, buffer, LONGEST]);
  const found = new Map<string, Uint8Array>();
  for (const attribute of decodeName(names).split("\0")) {
    if (attribute === "") continue;
    found.set(
      attribute,
      await ask(session, name, "lgetxattr", LONGEST, (path, buffer, text) => [path, text(attribute), buffer, LONGEST]),
    );
  }
  return found;
}

const ERANGE = 34;
/** What a SEND may carry; few filesystems take longer attributes. */
const LONGEST = 32768;

const part = (slot: DataView, at: number, length: number) => new Uint8Array(slot.buffer, slot.byteOffset + at, length);

type Asked = Parameters<Parameters<typeof beside>[1]>;
type Data = ReturnType<Asked[1]>;

/** A system call that fills a buffer, and what it has filled. */
async function ask(
  session: Session,
  name: string,
  call: string,
  room: number,
  args: (path: Data, buffer: Data, text: Asked[1]) => readonly (number | Data)[],
): Promise<Uint8Array> {
  let answer: Uint8Array = new Uint8Array(0);
  session.onData = (code, bytes) => {
    if (code === FACTS) answer = bytes;
  };
  const { errno } = await beside(session, (block, text) => {
    const buffer = block.memory.zeroed(room);
    const length = block.sysResult("length", call, args(text(name), buffer, text));
    block.send(FACTS, buffer, length);
  });
  if (errno !== 0) throw readError(name, call, errno);
  return answer;
}

export function readError(path: string, syscall: string, number: number): LibctError {
  const errno = errnoName(number);
  return new LibctError("ERR_CT_SYSCALL", `read ${show(path)}: ${syscall}: ${errno}`, { syscall, errno, path });
}
