import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";

/** Which bytes of a file are locked, by the kernel's list (proc_locks(5)): "7: OFDLCK ADVISORY WRITE -1 08:02:1234 5 5". */
const LINE = /^\d+: (?:OFDLCK|POSIX)\s+ADVISORY\s+WRITE\s+-?\d+\s+\S+\s+(\d+)\s+(\d+|EOF)$/;

/** `file`: how the list names it. */
export function lockedBytes(locks: string, file: string): ReadonlySet<number> {
  const held = new Set<number>();
  for (const line of linesOf(locks, file)) {
    const [, first, last] = LINE.exec(line) ?? [];
    if (first === undefined) continue;
    // Who removes a network has all bytes, and is one: whoever wants an address learns it when he locks its byte.
    const end = last === "EOF" ? Number(first) : Math.min(Number(last), Number(first) + MOST);
    for (let byte = Number(first); byte <= end; byte++) held.add(byte);
  }
  return held;
}

/** A lock of libct's is on one byte; somebody else's on more must not take for ever. */
const MOST = 65536;

const FLOCK = /^\d+: FLOCK\s+ADVISORY\s+\S+\s+(\d+)\s/;

/** Who has locked the whole of it (flock(2)). */
export const lockers = (locks: string, file: string): readonly number[] =>
  linesOf(locks, file).flatMap((line) => {
    const pid = FLOCK.exec(line)?.[1];
    return pid === undefined ? [] : [Number(pid)];
  });

const linesOf = (locks: string, file: string): readonly string[] =>
  locks
    .split("\n")
    .filter((line) => line.includes(`${file} `))
    .map((line) => line.trim());

/**
 * How /proc/locks names a file: " 08:02:1234". Other filesystems have files of the same number, and what stat(2) tells of the device is on some of them not the filesystem's:
 * so it is that of the mount (proc_pid_mountinfo(5)). Of a file below none that can be seen here it is the number alone.
 */
export function nameInLocks(path: string): string {
  const file = openSync(path, constants.O_RDONLY);
  try {
    const mount = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${file}`, "utf8"))?.[1];
    const mounts = readFileSync("/proc/self/mountinfo", "utf8");
    const [, major, minor] = new RegExp(`^${mount} \\d+ (\\d+):(\\d+) `, "m").exec(mounts) ?? [];
    const device = major === undefined ? "" : ` ${hex(major)}:${hex(minor)}`;
    return `${device}:${fstatSync(file).ino}`;
  } finally {
    closeSync(file);
  }
}

const hex = (decimal = "0") => Number(decimal).toString(16).padStart(2, "0");
