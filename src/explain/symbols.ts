/**
 * Names for the numbers in system calls, as strace(1) shows them: `flagNames("MS", 0x5000n, arch)` is "MS_BIND|MS_REC".
 * The numbers that programs use come from constants.ts; the extras here are only ever read, never written into a program.
 */

import type { Arch } from "../linux/index.ts";
import * as C from "../linux/index.ts";
import { CAPABILITIES } from "../linux/index.ts";

type Names = readonly (readonly [name: string, value: bigint])[];

interface Flags {
  readonly names: Names;
  /** Bits that hold one number rather than flags: the access mode of open(2), the signal of clone(2). */
  readonly low?: {
    readonly mask: bigint;
    readonly name: (low: bigint, all: bigint) => string;
    readonly last?: boolean;
  };
  /** Common prefix to factor out, for groups with many long names: `CAP_{CHOWN,KILL}`. */
  readonly brace?: string;
}

const prefixed = (prefix: string, table: Readonly<Record<string, number>>): Names =>
  Object.entries(table).map(([name, value]) => [prefix + name, BigInt(value)]);

const renamed = (prefix: string, table: Readonly<Record<string, number>>, others: Readonly<Record<string, string>>) =>
  Object.entries(table).map(([name, value]) => [others[name] ?? prefix + name, BigInt(value)] as const);

/** open(2); the order is the one people write: access mode, O_PATH, creation, status, O_CLOEXEC last. */
function open(arch: Arch): Flags {
  const { CREAT, EXCL, NOCTTY, TRUNC, APPEND, NONBLOCK, CLOEXEC, PATH } = C.O;
  const { DIRECTORY, NOFOLLOW } = C.openFlags(arch);
  const direct =
    arch === "x86_64" ? { DIRECT: 0o40000, LARGEFILE: 0o100000 } : { DIRECT: 0o200000, LARGEFILE: 0o400000 };
  const creation = { PATH, CREAT, EXCL, TRUNC, TMPFILE: 0o20000000 | DIRECTORY, DIRECTORY, NOFOLLOW, NOCTTY };
  const status = { APPEND, NONBLOCK, SYNC: 0o4010000, DSYNC: 0o10000, ...direct, ASYNC: 0o20000, NOATIME: 0o1000000 };
  const access = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"];
  return {
    names: prefixed("O_", { ...creation, ...status, CLOEXEC }),
    low: { mask: 3n, name: (low, all) => (low === 0n && all & BigInt(PATH) ? "" : (access[Number(low)] ?? "")) },
  };
}

const CLONE_REST = {
  FS: 0x200,
  FILES: 0x400,
  SIGHAND: 0x800,
  PTRACE: 0x2000,
  THREAD: 0x10000,
  SYSVSEM: 0x40000,
  SETTLS: 0x80000,
  PARENT_SETTID: 0x100000,
  CHILD_CLEARTID: 0x200000,
  UNTRACED: 0x800000,
  CHILD_SETTID: 0x1000000,
  IO: 0x80000000,
  CLEAR_SIGHAND: 0x1_0000_0000,
  INTO_CGROUP: 0x2_0000_0000,
} as const;
const clone = prefixed("CLONE_", { ...C.CLONE, ...CLONE_REST });
const at = prefixed("AT_", { ...C.AT, FDCWD: 0, SYMLINK_FOLLOW: 0x400, NO_AUTOMOUNT: 0x800 }).filter(([, bit]) => bit);
const oCloexec = { CLOEXEC: C.O.CLOEXEC, NONBLOCK: C.O.NONBLOCK };

const FLAGS = {
  MS: () => ({ names: prefixed("MS_", C.MS) }),
  MNT: () => ({ names: [...prefixed("MNT_", C.MNT), ["UMOUNT_NOFOLLOW", BigInt(C.UMOUNT_NOFOLLOW)]] }),
  MOUNT_ATTR: () => ({ names: renamed("MOUNT_ATTR_", C.MOUNT_ATTR, { ATIME: "MOUNT_ATTR__ATIME" }) }),
  OPEN_TREE: () => ({ names: [...prefixed("OPEN_TREE_", C.OPEN_TREE), ...at] }),
  MOVE_MOUNT: () => ({
    names: prefixed("MOVE_MOUNT_", { ...C.MOVE_MOUNT, F_AUTOMOUNTS: 2, T_AUTOMOUNTS: 0x20, SET_GROUP: 0x100 }),
  }),
  FSOPEN: () => ({ names: prefixed("FSOPEN_", { CLOEXEC: C.FSOPEN_CLOEXEC }) }),
  FSMOUNT: () => ({ names: prefixed("FSMOUNT_", { CLOEXEC: C.FSMOUNT_CLOEXEC }) }),
  FSPICK: () => ({
    names: prefixed("FSPICK_", { CLOEXEC: 1, SYMLINK_NOFOLLOW: 2, NO_AUTOMOUNT: 4, EMPTY_PATH: 8 }),
  }),
  AT: () => ({ names: at }),
  O: open,
  // pipe2(2) and dup3(2) have no access mode.
  O_STATUS: () => ({ names: prefixed("O_", oCloexec) }),
  RESOLVE: () => ({
    names: prefixed("RESOLVE_", { NO_XDEV: 1, NO_MAGICLINKS: 2, NO_SYMLINKS: 4, BENEATH: 8, IN_ROOT: 16, CACHED: 32 }),
  }),
  CLONE: () => ({ names: clone }),
  // clone(2): the low byte is the signal sent to the parent, so CLONE_NEWTIME cannot be asked for.
  CLONE_SIGNAL: () => ({
    names: clone.filter(([, bit]) => bit > 0xffn),
    low: { mask: 0xffn, name: (low) => (low === 0n ? "" : constantName("SIG", low)), last: true },
  }),
  SECBIT: () => ({
    names: prefixed("SECBIT_", {
      ...C.SECBIT,
      NOROOT_LOCKED: 2,
      NO_SETUID_FIXUP_LOCKED: 8,
      KEEP_CAPS_LOCKED: 32,
      NO_CAP_AMBIENT_RAISE: 64,
      NO_CAP_AMBIENT_RAISE_LOCKED: 128,
    }),
  }),
  SOCK: () => ({
    names: prefixed("SOCK_", { CLOEXEC: C.SOCK.CLOEXEC, NONBLOCK: C.SOCK.NONBLOCK }),
    low: { mask: 0xfn, name: (low) => nameOf(prefixed("SOCK_", C.SOCK), low) ?? `${low}` },
  }),
  MSG: () => ({
    names: prefixed("MSG_", { ...C.MSG, PEEK: 2, CTRUNC: 8, TRUNC: 0x20, WAITALL: 0x100 }),
  }),
  SECCOMP_FILTER_FLAG: () => ({ names: prefixed("SECCOMP_FILTER_FLAG_", C.SECCOMP_FILTER_FLAG) }),
  LANDLOCK_FS: () => ({ names: prefixed("LANDLOCK_ACCESS_FS_", C.LANDLOCK_FS), brace: "LANDLOCK_ACCESS_FS_" }),
  LANDLOCK_NET: () => ({ names: prefixed("LANDLOCK_ACCESS_NET_", C.LANDLOCK_NET) }),
  LANDLOCK_SCOPE: () => ({ names: prefixed("LANDLOCK_SCOPE_", C.LANDLOCK_SCOPE) }),
  LANDLOCK_CREATE: () => ({
    names: prefixed("LANDLOCK_CREATE_RULESET_", { VERSION: C.LANDLOCK_CREATE_RULESET_VERSION, ERRATA: 2 }),
  }),
  LANDLOCK_RESTRICT: () => ({
    names: prefixed("LANDLOCK_RESTRICT_SELF_", { LOG_SAME_EXEC_OFF: 1, LOG_NEW_EXEC_ON: 2, LOG_SUBDOMAINS_OFF: 4 }),
  }),
  LO_FLAGS: () => ({ names: prefixed("LO_FLAGS_", { ...C.LO_FLAGS, DIRECT_IO: 16 }) }),
  WAIT: () => ({
    names: renamed(
      "W",
      { ...C.WAIT, UNTRACED: 2, EXITED: 4, CONTINUED: 8, NOWAIT: 0x1000000 },
      { WALL: "__WALL", ALL: "__WALL" },
    ),
  }),
  MFD: () => ({
    names: prefixed("MFD_", { CLOEXEC: 1, ALLOW_SEALING: 2, HUGETLB: 4, NOEXEC_SEAL: 8, EXEC: 16 }),
  }),
  F_SEAL: () => ({
    names: prefixed("F_SEAL_", { SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8, FUTURE_WRITE: 16, EXEC: 32 }),
  }),
  FD: () => ({ names: prefixed("FD_", { CLOEXEC: 1 }) }),
  CLOSE_RANGE: () => ({ names: prefixed("CLOSE_RANGE_", { UNSHARE: 2, CLOEXEC: 4 }) }),
  EFD: () => ({ names: prefixed("EFD_", { SEMAPHORE: 1, ...oCloexec }) }),
  SFD: () => ({ names: prefixed("SFD_", oCloexec) }),
  PIDFD: () => ({ names: prefixed("PIDFD_", { NONBLOCK: C.O.NONBLOCK, THREAD: 0o200 }) }),
  UFFD: () => ({ names: [...prefixed("O_", oCloexec), ["UFFD_USER_MODE_ONLY", 1n]] }),
  GRND: () => ({ names: prefixed("GRND_", { NONBLOCK: 1, RANDOM: 2, INSECURE: 4 }) }),
  RENAME: () => ({ names: prefixed("RENAME_", { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 }) }),
  XATTR: () => ({ names: prefixed("XATTR_", { CREATE: 1, REPLACE: 2 }) }),
  ACCESS: () => ({ names: prefixed("", { R_OK: 4, W_OK: 2, X_OK: 1 }) }),
  PROT: () => ({ names: prefixed("PROT_", { READ: 1, WRITE: 2, EXEC: 4 }) }),
  MAP: () => ({ names: prefixed("MAP_", { SHARED: 1, PRIVATE: 2, FIXED: 0x10, ANONYMOUS: 0x20 }) }),
  FALLOC: () => ({ names: prefixed("FALLOC_FL_", { KEEP_SIZE: 1, PUNCH_HOLE: 2, ZERO_RANGE: 0x10 }) }),
  STATX: () => ({
    names: prefixed("STATX_", { BASIC_STATS: 0x7ff, TYPE: 1, MODE: 2, UID: 8, GID: 0x10, INO: 0x100, MNT_ID: 0x1000 }),
  }),
  SCHED_FLAG: () => ({
    names: prefixed("SCHED_FLAG_", C.SCHED_FLAG),
  }),
  IFF: () => ({ names: prefixed("IFF_", { UP: 1, BROADCAST: 2, LOOPBACK: 8, RUNNING: 0x40, MULTICAST: 0x1000 }) }),
  IFF_TUN: () => ({
    names: prefixed("IFF_", { TUN: 1, TAP: 2, NO_PI: 0x1000, VNET_HDR: 0x4000, MULTI_QUEUE: 0x100 }),
  }),
  PERSONALITY: () => ({
    names: prefixed("", {
      ADDR_NO_RANDOMIZE: C.PERSONALITY.ADDR_NO_RANDOMIZE,
      UNAME26: 0x20000,
      READ_IMPLIES_EXEC: 0x400000,
      ADDR_LIMIT_32BIT: 0x800000,
      ADDR_LIMIT_3GB: 0x8000000,
    }),
    low: { mask: 0xffn, name: (low) => ({ 0: "PER_LINUX", 8: "PER_LINUX32" })[Number(low)] ?? `0x${low.toString(16)}` },
  }),
  // What is left of a mode below its type bits is octal.
  S: () => ({
    names: [],
    low: {
      mask: 0o177777n,
      name: (low) => {
        const permissions = `0${(low & 0o7777n).toString(8).padStart(3, "0")}`;
        const type = nameOf(prefixed("S_", { ...C.S, IFLNK: 0o120000, IFSOCK: 0o140000 }), low & 0o170000n);
        return type ? `${type}|${permissions}` : `0${low.toString(8)}`;
      },
    },
  }),
  CAPS: () => ({ names: CAPABILITIES.map((name, bit) => [name, 1n << BigInt(bit)]), brace: "CAP_" }),
  MPOL: () => ({
    names: prefixed("MPOL_F_", C.MPOL_F),
    low: { mask: 0xffn, name: (low) => nameOf(prefixed("MPOL_", C.MPOL), low) ?? `${low}` },
  }),
} satisfies Record<string, (arch: Arch) => Flags>;

/** Requests of ioctl(2), operations of prctl(2) and so on that programs do not use, or rarely. */
export const IOCTL_REST = {
  TIOCNOTTY: 0x5422,
  TIOCGPGRP: 0x540f,
  TIOCSPGRP: 0x5410,
  TCSETSW: 0x5403,
  FIONREAD: 0x541b,
  FIOCLEX: 0x5451,
  FIONCLEX: 0x5450,
  LOOP_SET_DIRECT_IO: 0x4c08,
  LOOP_GET_STATUS64: 0x4c05,
  LOOP_CTL_ADD: 0x4c80,
  LOOP_CTL_REMOVE: 0x4c81,
  SIOCGIFFLAGS: 0x8913,
  SIOCSIFFLAGS: 0x8914,
  NS_GET_USERNS: 0xb701,
  NS_GET_PARENT: 0xb702,
  NS_GET_NSTYPE: 0xb703,
  FICLONE: 0x40049409,
  BLKROSET: 0x125d,
  SECCOMP_IOCTL_NOTIF_RECV: 0xc0502100,
  SECCOMP_IOCTL_NOTIF_SEND: 0xc0182101,
} as const;

export const PR_REST = {
  GET_PDEATHSIG: 2,
  GET_DUMPABLE: 3,
  GET_KEEPCAPS: 7,
  SET_NAME: 15,
  GET_SECCOMP: 21,
  SET_SECCOMP: 22,
  GET_SECUREBITS: 27,
  SET_TIMERSLACK: 29,
  GET_CHILD_SUBREAPER: 37,
  GET_NO_NEW_PRIVS: 39,
  SET_THP_DISABLE: 41,
  SET_SPECULATION_CTRL: 53,
  SET_IO_FLUSHER: 57,
  SCHED_CORE: 62,
  SET_MDWE: 65,
  SET_VMA: 0x53564d41,
} as const;

export const FSCONFIG_REST = { SET_PATH_EMPTY: 4, CMD_RECONFIGURE: 7, CMD_CREATE_EXCL: 8 } as const;

/** Commands of fcntl(2). */
export const FCNTL = {
  DUPFD: 0,
  GETFD: 1,
  SETFD: 2,
  GETFL: 3,
  SETFL: 4,
  OFD_SETLK: C.F_OFD_SETLK,
  DUPFD_CLOEXEC: 1030,
  SETPIPE_SZ: 1031,
  ADD_SEALS: 1033,
  GET_SEALS: 1034,
} as const;

const ENUMS = {
  PR: () => prefixed("PR_", { ...C.PR, ...PR_REST }),
  PR_CAP_AMBIENT: () => prefixed("PR_CAP_AMBIENT_", C.PR_CAP_AMBIENT),
  CAP: () => CAPABILITIES.map((name, number) => [name, BigInt(number)] as const),
  SIG: () => prefixed("SIG", C.SIG),
  SIG_HOW: () => prefixed("SIG_", { BLOCK: 0, UNBLOCK: 1, SETMASK: C.SIG_SETMASK }),
  RLIMIT: () => prefixed("RLIMIT_", C.RLIMIT),
  FSCONFIG: () => prefixed("FSCONFIG_", { ...C.FSCONFIG, ...FSCONFIG_REST }),
  SECCOMP: () => prefixed("SECCOMP_", { SET_MODE_STRICT: 0, ...C.SECCOMP, GET_NOTIF_SIZES: 3 }),
  SECCOMP_RET: () =>
    prefixed("SECCOMP_RET_", {
      KILL_PROCESS: 0x80000000,
      KILL_THREAD: 0,
      TRAP: 0x30000,
      ERRNO: 0x50000,
      USER_NOTIF: 0x7fc00000,
      TRACE: 0x7ff00000,
      LOG: 0x7ffc0000,
      ALLOW: 0x7fff0000,
    }),
  KEYCTL: () => prefixed("KEYCTL_", { GET_KEYRING_ID: 0, ...C.KEYCTL, SETPERM: 5, DESCRIBE: 6 }),
  LANDLOCK_RULE: () => prefixed("LANDLOCK_RULE_", C.LANDLOCK_RULE),
  IOCTL: () => [
    ...renamed("TIOC", C.TIOC, { TCGETS: "TCGETS", TCSETS: "TCSETS" }),
    ...prefixed("LOOP_", C.LOOP),
    ...prefixed("SIOC", C.SIOC),
    ...prefixed("TUN", {
      SETIFF: C.TUN.SETIFF,
      SETPERSIST: C.TUN.SETPERSIST,
      SETOWNER: C.TUN.SETOWNER,
      SETGROUP: C.TUN.SETGROUP,
    }),
    ...prefixed("", IOCTL_REST),
  ],
  FS_MAGIC: () =>
    renamed("", C.FS_MAGIC, {
      PROC: "PROC_SUPER_MAGIC",
      SYSFS: "SYSFS_MAGIC",
      CGROUP2: "CGROUP2_SUPER_MAGIC",
      TMPFS: "TMPFS_MAGIC",
      OVERLAY: "OVERLAYFS_SUPER_MAGIC",
    }),
  AF: () => prefixed("AF_", { UNSPEC: 0, ...C.AF, PACKET: 17, VSOCK: 40 }),
  NETLINK: () =>
    prefixed("NETLINK_", { ROUTE: 0, SOCK_DIAG: 4, AUDIT: 9, NETFILTER: 12, KOBJECT_UEVENT: 15, GENERIC: 16 }),
  SOL: () => prefixed("SOL_", { IP: 0, SOCKET: C.SOL_SOCKET, TCP: 6, NETLINK: 270 }),
  SO: () => prefixed("SO_", { REUSEADDR: 2, SNDBUF: 7, RCVBUF: 8, PASSCRED: 16, PEERCRED: 17, RCVTIMEO: 20, ...C.SO }),
  NETLINK_OPTION: () => prefixed("NETLINK_", C.NETLINK_OPTION),
  SHUT: () => prefixed("SHUT_", { RD: 0, WR: 1, RDWR: 2 }),
  PRIO: () => prefixed("PRIO_", { PROCESS: 0, PGRP: 1, USER: 2 }),
  IOPRIO_WHO: () => prefixed("IOPRIO_WHO_", { PROCESS: C.IOPRIO_WHO_PROCESS, PGRP: 2, USER: 3 }),
  IOPRIO_CLASS: () => prefixed("IOPRIO_CLASS_", { NONE: 0, ...C.IOPRIO_CLASS }),
  SCHED: () => prefixed("SCHED_", { ...C.SCHED, EXT: 7 }),
  F: () => prefixed("F_", FCNTL),
  SEEK: () => prefixed("SEEK_", { SET: 0, CUR: 1, END: 2, DATA: 3, HOLE: 4 }),
  P: () => prefixed("P_", { ALL: 0, PID: 1, PGID: 2, PIDFD: 3 }),
  CLOCK: () => prefixed("CLOCK_", { REALTIME: 0, MONOTONIC: 1, BOOTTIME: 7 }),
  CAP_VERSION: () => prefixed("_LINUX_CAPABILITY_VERSION_", { 1: 0x19980330, 2: 0x20071026, 3: 0x20080522 }),
} satisfies Record<string, () => Names>;

/** Groups of bits that are combined. */
export type FlagGroup = keyof typeof FLAGS;
/** Groups of numbers of which one is given. */
export type EnumGroup = keyof typeof ENUMS;

const flagCache = new Map<string, Flags>();
const enumCache = new Map<EnumGroup, ReadonlyMap<bigint, string>>();

function flagsOf(group: FlagGroup, arch: Arch): Flags {
  const key = `${group} ${arch}`;
  let flags = flagCache.get(key);
  if (!flags) {
    const make: (arch: Arch) => Flags = FLAGS[group];
    flags = make(arch);
    flagCache.set(key, flags);
  }
  return flags;
}

const nameOf = (names: Names, value: bigint) => names.find(([, number]) => number === value)?.[0];
const hex = (value: bigint) => `0x${value.toString(16)}`;

function bitCount(value: bigint): number {
  let count = 0;
  for (let rest = value; rest; rest &= rest - 1n) count++;
  return count;
}

/** The bits of `value` by name, unknown ones in hexadecimal: `MS_BIND|MS_REC|0x40000000`; "0" for none. */
export function flagNames(group: FlagGroup, value: bigint, arch: Arch): string {
  const { names, low, brace } = flagsOf(group, arch);
  const all = BigInt.asUintN(value < 0n && value >= -0x8000_0000n ? 32 : 64, value);
  let rest = low ? all & ~low.mask : all;
  const found = new Set<string>();
  // A name of several bits (O_TMPFILE includes O_DIRECTORY) goes before the names of its parts.
  for (const [name, bits] of [...names].sort((a, b) => bitCount(b[1]) - bitCount(a[1]))) {
    if (bits && (rest & bits) === bits) {
      found.add(name);
      rest &= ~bits;
    }
  }
  const ordered = names.map(([name]) => name).filter((name) => found.has(name));
  const parts = brace === undefined ? ordered : braced(brace, ordered, names, rest);
  if (rest) parts.push(hex(rest));
  if (low) parts.splice(low.last ? parts.length : 0, 0, low.name(all & low.mask, all));
  return parts.filter((part) => part !== "").join("|") || "0";
}

/** `CAP_*` for every name, `~CAP_{BPF,PERFMON}` for nearly every one, `CAP_{CHOWN,FOWNER,KILL}` for three or more. */
function braced(prefix: string, found: readonly string[], names: Names, rest: bigint): string[] {
  const list = (some: readonly string[]) => `${prefix}{${some.map((name) => name.slice(prefix.length)).join(",")}}`;
  const missing = names.map(([name]) => name).filter((name) => !found.includes(name));
  if (missing.length === 0) return [`${prefix}*`];
  if (missing.length <= names.length / 5 && rest === 0n) return [`~${list(missing)}`];
  return found.length < 3 ? [...found] : [list(found)];
}

/** The name of `value`; the number when it has none. */
export function constantName(group: EnumGroup, value: bigint): string {
  let names = enumCache.get(group);
  if (!names) {
    names = new Map(ENUMS[group]().map(([name, number]) => [number, name]));
    enumCache.set(group, names);
  }
  const unsigned = value < 0n ? BigInt.asUintN(32, value) : value;
  const known = names.get(unsigned);
  if (known) return known;
  // Real-time signals have no names of their own.
  if (group === "SIG" && value > 31n && value <= 64n) return `SIGRT_${value - 32n}`;
  return value >= -4096n && value < 4096n ? `${value}` : hex(unsigned);
}
