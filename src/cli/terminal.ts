import { fstatSync } from "node:fs";

/** The terminal that ct's output goes to. */
export interface Terminal {
  readonly rows: number;
  readonly columns: number;
}

/** /dev/null and its kin (devices.txt of the kernel, "Memory devices"): the most frequent device that is no terminal. */
const MEMORY_DEVICES = 1;

/**
 * Not process.stdin.isTTY: to look at it makes a pipe non-blocking, for the command as well. And only what may be a terminal is asked for it, since
 * node:tty takes some milliseconds to load.
 */
export async function isTerminal(fd: number): Promise<boolean> {
  const stat = statOf(fd);
  if (!stat?.isCharacterDevice() || ((stat.rdev >> 8) & 0xfff) === MEMORY_DEVICES) return false;
  return (await import("node:tty")).isatty(fd);
}

function statOf(fd: number) {
  try {
    return fstatSync(fd);
  } catch {
    return undefined; // It is closed.
  }
}

/** Its present size. (process.stdout is only touched when it is a terminal: a pipe would become non-blocking, for the command as well.) */
export async function readTerminal(): Promise<Terminal | undefined> {
  return (await isTerminal(1)) ? sizeNow() : undefined;
}

function sizeNow(): Terminal {
  const [columns, rows] = process.stdout.getWindowSize();
  return { rows, columns };
}

/** Tells each new size, until the returned function is called. */
export async function watchSize(tell: (size: Terminal) => void): Promise<() => void> {
  if (!(await isTerminal(1))) return () => undefined;
  const listener = () => tell(sizeNow());
  process.stdout.on("resize", listener);
  return () => process.stdout.off("resize", listener);
}
