import { constants } from "node:os";

/** errno(3) numbers by name; the same on x86_64 and aarch64. */
export const E = constants.errno as Readonly<Record<string, number>> & typeof constants.errno;

const NAMES = new Map<number, string>(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Two names share one number: the kernel's own name is shown.
NAMES.set(constants.errno.EAGAIN, "EAGAIN").set(constants.errno.EOPNOTSUPP, "EOPNOTSUPP");

/** Errors that node's table leaves out. */
const EXTRA: Readonly<Record<number, string>> = { 15: "ENOTBLK", 108: "ESHUTDOWN", 126: "ENOKEY", 127: "EKEYEXPIRED" };

/** "ENOENT" for 2; "errno 999" when it has no name. */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? EXTRA[errno] ?? `errno ${errno}`;
