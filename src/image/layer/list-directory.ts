import { LibctError } from "../../errors.ts";
import { AT, E, errnoName, O, openFlags } from "../../linux/index.ts";
import type { WrittenCall } from "../../program/index.ts";
import { beside } from "./beside.ts";
import { show } from "./layer-names.ts";
import { decodeName } from "./name-bytes.ts";
import type { Session } from "./session.ts";

export interface Listed {
  readonly name: string;
  /** False also when the filesystem does not say. */
  readonly isDirectory: boolean;
}

/** The code of SEND for names. */
const NAMES = 1;
const BUFFER = 32768;
/** getdents64(2) */
const DT_DIR = 4;

/** What is in a directory of a session; undefined when it is not there (any more). Who else uses the session waits. */
export async function listDirectory<Call extends WrittenCall>(
  session: Session<Call>,
  path: string,
): Promise<readonly Listed[] | undefined> {
  const found: Listed[] = [];
  session.onData = (code, bytes) => {
    if (code === NAMES) found.push(...parseNames(bytes));
  };
  let more = await list(session, path);
  while (more.errno === 0 && more.value !== 0n) more = await list(session, undefined);
  if (more.errno === E.ENOENT || more.errno === E.ENOTDIR) return undefined;
  if (more.errno !== 0) {
    const errno = errnoName(more.errno);
    throw new LibctError("ERR_CT_SYSCALL", `list ${show(path)}: ${errno}`, { syscall: "getdents64", errno, path });
  }
  return found;
}

/** Opens the directory, or goes on with it; closes it when all has been told: then the last value is that of close(2). */
const list = <Call extends WrittenCall>(session: Session<Call>, path: string | undefined) =>
  beside(session, (block, text, arch) => {
    const directory = block.program.register("directory");
    const flags = O.RDONLY | O.CLOEXEC | openFlags(arch).DIRECTORY | openFlags(arch).NOFOLLOW;
    if (path !== undefined) block.sys("openat", [AT.FDCWD, text(path), flags, 0], { dst: directory });
    const buffer = block.memory.zeroed(BUFFER);
    const more = block.label();
    const length = block.sysResult("length", "getdents64", [directory, buffer, BUFFER]);
    block.send(NAMES, buffer, length);
    block.sys("getdents64", [directory, buffer, BUFFER], { dst: length });
    block.send(NAMES, buffer, length);
    block.jumpUnless(length, 0, more);
    block.sys("close", [directory]);
    block.place(more);
  });

/** struct linux_dirent64: inode, offset, u16 length of the record, u8 type, name. */
function parseNames(bytes: Uint8Array): Listed[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const names: Listed[] = [];
  for (let at = 0; at + 19 < bytes.length; at += view.getUint16(at + 16, true)) {
    const end = bytes.indexOf(0, at + 19);
    const name = decodeName(bytes, at + 19, end);
    if (name !== "." && name !== "..") names.push({ name, isDirectory: bytes[at + 18] === DT_DIR });
  }
  return names;
}
