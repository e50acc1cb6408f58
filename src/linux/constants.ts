/**
 * Numbers of the kernel's ABI that programs use, grouped and named as in the kernel's headers without the group's prefix
 * (`MS.BIND` is MS_BIND). The same on x86_64 and aarch64 unless said.
 */

/** mount(2), umount2(2) */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  MANDLOCK: 64,
  DIRSYNC: 128,
  NOSYMFOLLOW: 256,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  SILENT: 32768,
  POSIXACL: 1 << 16,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
  I_VERSION: 1 << 23,
  STRICTATIME: 1 << 24,
  LAZYTIME: 1 << 25,
} as const;
export const MNT = { FORCE: 1, DETACH: 2, EXPIRE: 4 } as const;
export const UMOUNT_NOFOLLOW = 8;

/** mount_setattr(2), fsmount(2) */
export const MOUNT_ATTR = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  ATIME: 0x70,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  NODIRATIME: 0x80,
  IDMAP: 0x100000,
  NOSYMFOLLOW: 0x200000,
} as const;
export const OPEN_TREE = { CLONE: 1, CLOEXEC: 0o2000000 } as const;
export const MOVE_MOUNT = {
  F_SYMLINKS: 1,
  F_EMPTY_PATH: 4,
  T_SYMLINKS: 0x10,
  T_EMPTY_PATH: 0x40,
  BENEATH: 0x200,
} as const;
export const FSOPEN_CLOEXEC = 1;
export const FSMOUNT_CLOEXEC = 1;
export const FSCONFIG = { SET_FLAG: 0, SET_STRING: 1, SET_BINARY: 2, SET_PATH: 3, SET_FD: 5, CMD_CREATE: 6 } as const;

/** The *at system calls */
export const AT = {
  FDCWD: -100,
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  EMPTY_PATH: 0x1000,
  RECURSIVE: 0x8000,
} as const;

/** open(2). O_DIRECTORY, O_NOFOLLOW and O_DIRECT differ by architecture: see `openFlags`. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const;
const OPEN_BY_ARCH = {
  x86_64: { DIRECTORY: 0o200000, NOFOLLOW: 0o400000 },
  aarch64: { DIRECTORY: 0o40000, NOFOLLOW: 0o100000 },
} as const;
/** O_DIRECTORY and O_NOFOLLOW of an architecture (arch/arm64/include/uapi/asm/fcntl.h). */
export const openFlags = (arch: keyof typeof OPEN_BY_ARCH) => OPEN_BY_ARCH[arch];

/** clone(2), unshare(2), setns(2) */
export const CLONE = {
  NEWTIME: 0x80,
  VM: 0x100,
  PIDFD: 0x1000,
  VFORK: 0x4000,
  PARENT: 0x8000,
  NEWNS: 0x20000,
  NEWCGROUP: 0x2000000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
  INTO_CGROUP: 0x200000000,
} as const;

export const PR = {
  SET_PDEATHSIG: 1,
  SET_DUMPABLE: 4,
  SET_KEEPCAPS: 8,
  CAPBSET_READ: 23,
  CAPBSET_DROP: 24,
  SET_SECUREBITS: 28,
  SET_CHILD_SUBREAPER: 36,
  SET_NO_NEW_PRIVS: 38,
  CAP_AMBIENT: 47,
} as const;
export const PR_CAP_AMBIENT = { IS_SET: 1, RAISE: 2, LOWER: 3, CLEAR_ALL: 4 } as const;
/** SECBIT_* of capabilities(7) */
export const SECBIT = { NOROOT: 1, NO_SETUID_FIXUP: 4, KEEP_CAPS: 16 } as const;

export const SIG = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
} as const;

/** rt_sigprocmask(2) */
export const SIG_SETMASK = 2;

/** memfd_create(2) */
export const MFD = { CLOEXEC: 1 } as const;

export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5, CLOEXEC: 0o2000000, NONBLOCK: 0o4000 } as const;
export const MSG = { DONTWAIT: 0x40, NOSIGNAL: 0x4000, CMSG_CLOEXEC: 0x40000000 } as const;
export const AF = { UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 } as const;
export const SOL_SOCKET = 1;
/** setsockopt(2) */
export const SO = { SNDTIMEO: 21 } as const;
export const SCM_RIGHTS = 1;

/** ioctl_tty(2) */
export const TIOC = {
  TCGETS: 0x5401,
  TCSETS: 0x5402,
  SCTTY: 0x540e,
  GWINSZ: 0x5413,
  SWINSZ: 0x5414,
  SPTLCK: 0x40045431,
  GPTN: 0x80045430,
  GPTPEER: 0x5441,
} as const;

/** netdevice(7) */
export const SIOC = { GIFNAME: 0x8910, GIFHWADDR: 0x8927, GIFINDEX: 0x8933, ETHTOOL: 0x8946 } as const;

/** linux/if_tun.h */
export const TUN = {
  SETIFF: 0x400454ca,
  SETPERSIST: 0x400454cb,
  SETOWNER: 0x400454cc,
  SETGROUP: 0x400454ce,
  IFF_TUN: 1,
  IFF_TAP: 2,
  IFF_MULTI_QUEUE: 0x100,
  IFF_NO_PI: 0x1000,
} as const;

/** fcntl(2) */
export const F_OFD_SETLK = 37;
export const F_DUPFD_CLOEXEC = 1030;
export const F_WRLCK = 1;

/** flock(2) */
export const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;

/** <linux/in.h> */
export const IPPROTO = { UDP: 17, IPV6: 41, SCTP: 132 } as const;

/** setrlimit(2): resource numbers; the same on both architectures. */
export const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  LOCKS: 10,
  SIGPENDING: 11,
  MSGQUEUE: 12,
  NICE: 13,
  RTPRIO: 14,
  RTTIME: 15,
} as const;

/** mknod(2) */
export const S = { IFIFO: 0o010000, IFCHR: 0o020000, IFDIR: 0o040000, IFBLK: 0o060000, IFREG: 0o100000 } as const;

/** statfs(2): magic numbers of filesystems */
export const FS_MAGIC = {
  PROC: 0x9fa0,
  SYSFS: 0x62656572,
  CGROUP2: 0x63677270,
  TMPFS: 0x01021994,
  OVERLAY: 0x794c7630,
} as const;

/** keyctl(2) */
export const KEYCTL = { JOIN_SESSION_KEYRING: 1 } as const;

/** personality(2) */
export const PERSONALITY = { LINUX: 0, LINUX32: 8, ADDR_NO_RANDOMIZE: 0x40000 } as const;

/** seccomp(2) */
export const SECCOMP = { SET_MODE_FILTER: 1, GET_ACTION_AVAIL: 2 } as const;
export const SECCOMP_FILTER_FLAG = {
  TSYNC: 1,
  LOG: 2,
  SPEC_ALLOW: 4,
  NEW_LISTENER: 8,
  TSYNC_ESRCH: 16,
  WAIT_KILLABLE_RECV: 32,
} as const;

/** landlock(7): rights by the ABI version that brought them */
export const LANDLOCK_FS = {
  EXECUTE: 1 << 0,
  WRITE_FILE: 1 << 1,
  READ_FILE: 1 << 2,
  READ_DIR: 1 << 3,
  REMOVE_DIR: 1 << 4,
  REMOVE_FILE: 1 << 5,
  MAKE_CHAR: 1 << 6,
  MAKE_DIR: 1 << 7,
  MAKE_REG: 1 << 8,
  MAKE_SOCK: 1 << 9,
  MAKE_FIFO: 1 << 10,
  MAKE_BLOCK: 1 << 11,
  MAKE_SYM: 1 << 12,
  REFER: 1 << 13,
  TRUNCATE: 1 << 14,
  IOCTL_DEV: 1 << 15,
} as const;
export const LANDLOCK_NET = { BIND_TCP: 1, CONNECT_TCP: 2 } as const;
export const LANDLOCK_SCOPE = { ABSTRACT_UNIX_SOCKET: 1, SIGNAL: 2 } as const;
export const LANDLOCK_RULE = { PATH_BENEATH: 1, NET_PORT: 2 } as const;
export const LANDLOCK_CREATE_RULESET_VERSION = 1;

/** loop(4) */
export const LOOP = {
  CTL_GET_FREE: 0x4c82,
  CONFIGURE: 0x4c0a,
  CLR_FD: 0x4c01,
  SET_FD: 0x4c00,
  SET_STATUS64: 0x4c04,
} as const;
export const LO_FLAGS = { READ_ONLY: 1, AUTOCLEAR: 4, PARTSCAN: 8 } as const;

/** waitpid(2) */
export const WAIT = { NOHANG: 1, WALL: 0x40000000 } as const;

/** sched(7): policies by their numbers; there has never been a SCHED_ISO in a mainline kernel, its number is only kept free. */
export const SCHED = { OTHER: 0, FIFO: 1, RR: 2, BATCH: 3, ISO: 4, IDLE: 5, DEADLINE: 6 } as const;

/** sched_setattr(2) */
export const SCHED_FLAG = {
  RESET_ON_FORK: 0x01,
  RECLAIM: 0x02,
  DL_OVERRUN: 0x04,
  KEEP_POLICY: 0x08,
  KEEP_PARAMS: 0x10,
  UTIL_CLAMP_MIN: 0x20,
  UTIL_CLAMP_MAX: 0x40,
} as const;

/** ioprio_set(2) */
export const IOPRIO_WHO_PROCESS = 1;
export const IOPRIO_CLASS = { RT: 1, BE: 2, IDLE: 3 } as const;
export const IOPRIO_CLASS_SHIFT = 13;

/** set_mempolicy(2), by the order of <linux/mempolicy.h> */
export const MPOL = {
  DEFAULT: 0,
  PREFERRED: 1,
  BIND: 2,
  INTERLEAVE: 3,
  LOCAL: 4,
  PREFERRED_MANY: 5,
  WEIGHTED_INTERLEAVE: 6,
} as const;
export const MPOL_F = { STATIC_NODES: 1 << 15, RELATIVE_NODES: 1 << 14, NUMA_BALANCING: 1 << 13 } as const;
