/** Which bytes of a file are locked, by the kernel's list (proc_locks(5)): "7: OFDLCK ADVISORY WRITE -1 08:02:1234 5 5". */
const LINE = /^\d+: (?:OFDLCK|POSIX)\s+ADVISORY\s+WRITE\s+-?\d+\s+[\da-f]+:[\da-f]+:(\d+)\s+(\d+)\s+(\d+|EOF)$/;

/** By the file's inode: the number of the device is another one to stat(2) on some filesystems. */
export function lockedBytes(locks: string, inode: number): ReadonlySet<number> {
  const held = new Set<number>();
  const wanted = `:${inode} `;
  for (const line of locks.split("\n")) {
    if (!line.includes(wanted)) continue;
    const [, of, first, last] = LINE.exec(line.trim()) ?? [];
    if (Number(of) !== inode || first === undefined) continue;
    const end = last === "EOF" ? Number(first) : Math.min(Number(last), Number(first) + MOST);
    for (let byte = Number(first); byte <= end; byte++) held.add(byte);
  }
  return held;
}

/** A lock of libct's is on one byte; somebody else's on more must not take for ever. */
const MOST = 65536;
