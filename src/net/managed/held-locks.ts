/** Which bytes of a file are locked, by the kernel's list (proc_locks(5)): "7: OFDLCK ADVISORY WRITE -1 08:02:1234 5 5". */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";

const LINE = /^\d+: (?:OFDLCK|POSIX)\s+ADVISORY\s+WRITE\s+-?\d+\s+([\da-f]+:[\da-f]+):(\d+)\s+(\d+)\s+(\d+|EOF)$/;

/** What the list calls a file. */
export interface LockedFile {
  readonly inode: number;
  /** "08:02": the filesystem's. Undefined when it cannot be known; then any file of that inode may be meant. */
  readonly device: string | undefined;
}

export function lockedBytes(locks: string, { inode, device }: LockedFile): ReadonlySet<number> {
  const held = new Set<number>();
  const wanted = `:${inode} `;
  for (const line of locks.split("\n")) {
    if (!line.includes(wanted)) continue;
    const [, on, of, first, last] = LINE.exec(line.trim()) ?? [];
    if (Number(of) !== inode || first === undefined) continue;
    // Anybody may lock a file of his own that has the same number on another filesystem.
    if (device !== undefined && on !== device) continue;
    // Who removes a network has all bytes, and is one: whoever wants an address learns it when he locks its byte.
    const end = last === "EOF" ? Number(first) : Math.min(Number(last), Number(first) + MOST);
    for (let byte = Number(first); byte <= end; byte++) held.add(byte);
  }
  return held;
}

/** A lock of libct's is on one byte; somebody else's on more must not take for ever. */
const MOST = 65536;

/** The device is that of the mount, as the list has it: stat(2) gives another one on some filesystems, such as btrfs. */
export function lockedFile(path: string): LockedFile {
  const file = openSync(path, constants.O_RDONLY);
  try {
    const mount = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${file}`, "latin1"))?.[1];
    return { inode: fstatSync(file).ino, device: mount && deviceOf(mount) };
  } finally {
    closeSync(file);
  }
}

/** proc_pid_mountinfo(5): "27 1 254:0 / / ...", in decimal where the list of locks has two hexadecimal digits at least. */
function deviceOf(mount: string): string | undefined {
  const line = readFileSync("/proc/self/mountinfo", "latin1")
    .split("\n")
    .find((one) => one.startsWith(`${mount} `));
  const numbers = /^\d+ \d+ (\d+):(\d+) /.exec(line ?? "");
  return numbers
    ?.slice(1)
    .map((number) => Number(number).toString(16).padStart(2, "0"))
    .join(":");
}
