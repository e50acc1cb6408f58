/**
 * The arguments of the system calls that a container's set-up may make, for listings and error messages. Pure data; the order is
 * that of section 2 of the manual. A call that is not here is printed with plain numbers.
 */
import {
  FSCONFIG,
  KEYCTL,
  LANDLOCK_RULE,
  LOOP,
  PR,
  PR_CAP_AMBIENT,
  SECCOMP,
  SIOC,
  SOL_NETLINK,
  TIOC,
  TUN,
} from "../linux/index.ts";
import type { StructName } from "./layouts.ts";
import { type EnumGroup, FCNTL, type FlagGroup, FSCONFIG_REST, IOCTL_REST, PR_REST } from "./symbols.ts";

/**
 * How an argument is read.
 *
 * - `path`: a string that names the file which the call is about; `str`: any other string
 * - `dirfd`: a descriptor or AT_FDCWD; `id`: a user or group, -1 for none; `rlim`: a limit or RLIM_INFINITY
 * - `mode?`: left out when zero, as open(2) takes it only with O_CREAT
 * - `last`: a descriptor or ~0U for the highest
 * - `plain`: nothing is known; `char`: a byte, perhaps of a text; `result`: what a system call returned, -errno for an error
 * - `out`: an address that the kernel writes to; `out:X`: a structure that it writes there
 * - `text:N`, `sockaddr:N`, `ids:N`, `cpus:N`: memory whose length is argument N; `nodes:N`: of that many bits less one
 * - `struct:X`, `struct:X:N`: a structure that the kernel reads, of the size in argument N
 */
export type ArgType =
  | "fd"
  | "dirfd"
  | "path"
  | "str"
  | "int"
  | "uint"
  | "hex"
  | "plain"
  | "char"
  | "last"
  | "id"
  | "rlim"
  | "mode"
  | "mode?"
  | "dev"
  | "ioprio"
  | "result"
  | "ptr"
  | "out"
  | "argv"
  | "envp"
  | "caps"
  | "filter"
  | "msghdr"
  | "msghdr:out"
  | "sigset"
  | `text:${number}`
  | `sockaddr:${number}`
  | `ids:${number}`
  | `cpus:${number}`
  | `nodes:${number}`
  | `flags:${FlagGroup}`
  | `one:${EnumGroup}`
  | `struct:${StructName}`
  | `struct:${StructName}:${number}`
  | `out:${StructName}`;

export type Signature = readonly ArgType[];

/** A call whose argument `by` decides what the others are. */
export interface SignatureVariants {
  readonly by: number;
  readonly cases: Readonly<Record<number, Signature | SignatureVariants>>;
  readonly otherwise: Signature;
}

const PRCTL = "one:PR";
const CTL = "one:IOCTL";

export const SIGNATURES: Readonly<Record<string, Signature | SignatureVariants>> = {
  accept4: ["fd", "out", "out", "flags:SOCK"],
  add_key: ["str", "str", "text:3", "uint", "int"],
  bind: ["fd", "sockaddr:2", "uint"],
  bpf: ["int", "ptr", "uint"],
  brk: ["ptr"],
  capget: ["struct:cap_header", "out"],
  capset: ["struct:cap_header", "caps"],
  chdir: ["path"],
  chmod: ["path", "mode"],
  chown: ["path", "id", "id"],
  chroot: ["path"],
  clock_nanosleep: ["one:CLOCK", "int", "struct:timespec", "out"],
  clone: ["flags:CLONE_SIGNAL", "ptr", "out", "out", "ptr"],
  clone3: ["struct:clone_args:1", "uint"],
  close: ["fd"],
  close_range: ["fd", "last", "flags:CLOSE_RANGE"],
  connect: ["fd", "sockaddr:2", "uint"],
  copy_file_range: ["fd", "ptr", "fd", "ptr", "uint", "int"],
  creat: ["path", "mode"],
  dup: ["fd"],
  dup2: ["fd", "fd"],
  dup3: ["fd", "fd", "flags:O_STATUS"],
  epoll_create1: ["flags:EFD"],
  eventfd2: ["uint", "flags:EFD"],
  execve: ["path", "argv", "envp"],
  execveat: ["dirfd", "path", "argv", "envp", "flags:AT"],
  exit: ["int"],
  exit_group: ["int"],
  faccessat: ["dirfd", "path", "flags:ACCESS"],
  faccessat2: ["dirfd", "path", "flags:ACCESS", "flags:AT"],
  fallocate: ["fd", "flags:FALLOC", "int", "int"],
  fchdir: ["fd"],
  fchmod: ["fd", "mode"],
  fchmodat: ["dirfd", "path", "mode"],
  fchmodat2: ["dirfd", "path", "mode", "flags:AT"],
  fchown: ["fd", "id", "id"],
  fchownat: ["dirfd", "path", "id", "id", "flags:AT"],
  fcntl: {
    by: 1,
    cases: {
      [FCNTL.DUPFD]: ["fd", "one:F", "fd"],
      [FCNTL.DUPFD_CLOEXEC]: ["fd", "one:F", "fd"],
      [FCNTL.GETFD]: ["fd", "one:F"],
      [FCNTL.SETFD]: ["fd", "one:F", "flags:FD"],
      [FCNTL.GETFL]: ["fd", "one:F"],
      [FCNTL.SETFL]: ["fd", "one:F", "flags:O"],
      [FCNTL.ADD_SEALS]: ["fd", "one:F", "flags:F_SEAL"],
    },
    otherwise: ["fd", "one:F", "int"],
  },
  fdatasync: ["fd"],
  fgetxattr: ["fd", "str", "out", "uint"],
  finit_module: ["fd", "str", "int"],
  flock: ["fd", "int"],
  fork: [],
  fremovexattr: ["fd", "str"],
  fsconfig: {
    by: 1,
    cases: {
      [FSCONFIG.SET_FLAG]: ["fd", "one:FSCONFIG", "str", "ptr", "int"],
      [FSCONFIG.SET_STRING]: ["fd", "one:FSCONFIG", "str", "str", "int"],
      [FSCONFIG.SET_BINARY]: ["fd", "one:FSCONFIG", "str", "text:4", "uint"],
      [FSCONFIG.SET_PATH]: ["fd", "one:FSCONFIG", "str", "path", "dirfd"],
      [FSCONFIG_REST.SET_PATH_EMPTY]: ["fd", "one:FSCONFIG", "str", "path", "dirfd"],
      [FSCONFIG.SET_FD]: ["fd", "one:FSCONFIG", "str", "ptr", "fd"],
    },
    otherwise: ["fd", "one:FSCONFIG", "ptr", "ptr", "int"],
  },
  fsetxattr: ["fd", "str", "text:3", "uint", "flags:XATTR"],
  fsmount: ["fd", "flags:FSMOUNT", "flags:MOUNT_ATTR"],
  fsopen: ["str", "flags:FSOPEN"],
  fspick: ["dirfd", "path", "flags:FSPICK"],
  fstat: ["fd", "out"],
  fstatfs: ["fd", "out:statfs"],
  fsync: ["fd"],
  ftruncate: ["fd", "int"],
  futex: ["ptr", "int", "int", "ptr", "ptr", "int"],
  getcwd: ["out", "uint"],
  getdents64: ["fd", "out", "uint"],
  getegid: [],
  geteuid: [],
  getgid: [],
  getgroups: ["uint", "out"],
  getpgid: ["int"],
  getpgrp: [],
  getpid: [],
  getppid: [],
  getpriority: ["one:PRIO", "int"],
  getrandom: ["out", "uint", "flags:GRND"],
  getresgid: ["out", "out", "out"],
  getresuid: ["out", "out", "out"],
  getrlimit: ["one:RLIMIT", "out"],
  getsid: ["int"],
  getsockname: ["fd", "out", "out"],
  getsockopt: ["fd", "one:SOL", "one:SO", "out", "out"],
  gettid: [],
  getuid: [],
  getxattr: ["path", "str", "out", "uint"],
  ioctl: {
    by: 1,
    cases: {
      [TIOC.TCGETS]: ["fd", CTL, "out"],
      [TIOC.SCTTY]: ["fd", CTL, "int"],
      [TIOC.GWINSZ]: ["fd", CTL, "out"],
      [TIOC.SWINSZ]: ["fd", CTL, "struct:winsize"],
      [TIOC.SPTLCK]: ["fd", CTL, "struct:int"],
      [TIOC.GPTN]: ["fd", CTL, "out"],
      [TIOC.GPTPEER]: ["fd", CTL, "flags:O"],
      [IOCTL_REST.TIOCNOTTY]: ["fd", CTL],
      [IOCTL_REST.TIOCSPGRP]: ["fd", CTL, "struct:int"],
      [IOCTL_REST.FIOCLEX]: ["fd", CTL],
      [IOCTL_REST.FIONCLEX]: ["fd", CTL],
      [LOOP.CTL_GET_FREE]: ["fd", CTL],
      [LOOP.CLR_FD]: ["fd", CTL],
      [LOOP.SET_FD]: ["fd", CTL, "fd"],
      [LOOP.CONFIGURE]: ["fd", CTL, "struct:loop_config"],
      [LOOP.SET_STATUS64]: ["fd", CTL, "struct:loop_info64"],
      [SIOC.GIFINDEX]: ["fd", CTL, "str"],
      [TUN.SETIFF]: ["fd", CTL, "str"],
      [TUN.SETPERSIST]: ["fd", CTL, "int"],
      [TUN.SETOWNER]: ["fd", CTL, "id"],
      [TUN.SETGROUP]: ["fd", CTL, "id"],
      [IOCTL_REST.SIOCGIFFLAGS]: ["fd", CTL, "struct:ifreq_flags"],
      [IOCTL_REST.SIOCSIFFLAGS]: ["fd", CTL, "struct:ifreq_flags"],
      [IOCTL_REST.NS_GET_USERNS]: ["fd", CTL],
      [IOCTL_REST.NS_GET_PARENT]: ["fd", CTL],
      [IOCTL_REST.NS_GET_NSTYPE]: ["fd", CTL],
      [IOCTL_REST.FICLONE]: ["fd", CTL, "fd"],
    },
    otherwise: ["fd", CTL, "ptr"],
  },
  ioprio_get: ["one:IOPRIO_WHO", "int"],
  ioprio_set: ["one:IOPRIO_WHO", "int", "ioprio"],
  keyctl: {
    by: 0,
    cases: { [KEYCTL.JOIN_SESSION_KEYRING]: ["one:KEYCTL", "str"] },
    otherwise: ["one:KEYCTL", "int"],
  },
  kill: ["int", "one:SIG"],
  landlock_add_rule: {
    by: 1,
    cases: {
      [LANDLOCK_RULE.PATH_BENEATH]: ["fd", "one:LANDLOCK_RULE", "struct:landlock_path_beneath_attr", "int"],
      [LANDLOCK_RULE.NET_PORT]: ["fd", "one:LANDLOCK_RULE", "struct:landlock_net_port_attr", "int"],
    },
    otherwise: ["fd", "one:LANDLOCK_RULE", "ptr", "int"],
  },
  landlock_create_ruleset: ["struct:landlock_ruleset_attr:1", "uint", "flags:LANDLOCK_CREATE"],
  landlock_restrict_self: ["fd", "flags:LANDLOCK_RESTRICT"],
  lchown: ["path", "id", "id"],
  lgetxattr: ["path", "str", "out", "uint"],
  link: ["str", "path"],
  linkat: ["dirfd", "str", "dirfd", "path", "flags:AT"],
  listen: ["fd", "int"],
  lseek: ["fd", "int", "one:SEEK"],
  lsetxattr: ["path", "str", "text:3", "uint", "flags:XATTR"],
  memfd_create: ["str", "flags:MFD"],
  mkdir: ["path", "mode"],
  mkdirat: ["dirfd", "path", "mode"],
  mknod: ["path", "flags:S", "dev"],
  mknodat: ["dirfd", "path", "flags:S", "dev"],
  mlockall: ["int"],
  mmap: ["ptr", "uint", "flags:PROT", "flags:MAP", "fd", "int"],
  mount: ["str", "path", "str", "flags:MS", "str"],
  mount_setattr: ["dirfd", "path", "flags:AT", "struct:mount_attr:4", "uint"],
  move_mount: ["dirfd", "path", "dirfd", "path", "flags:MOVE_MOUNT"],
  mprotect: ["ptr", "uint", "flags:PROT"],
  munmap: ["ptr", "uint"],
  name_to_handle_at: ["dirfd", "path", "out", "out", "flags:AT"],
  nanosleep: ["struct:timespec", "out"],
  newfstatat: ["dirfd", "path", "out", "flags:AT"],
  open: ["path", "flags:O", "mode?"],
  open_tree: ["dirfd", "path", "flags:OPEN_TREE"],
  openat: ["dirfd", "path", "flags:O", "mode?"],
  openat2: ["dirfd", "path", "struct:open_how:3", "uint"],
  pause: [],
  personality: ["flags:PERSONALITY"],
  pidfd_getfd: ["fd", "fd", "int"],
  pidfd_open: ["int", "flags:PIDFD"],
  pidfd_send_signal: ["fd", "one:SIG", "ptr", "int"],
  pipe2: ["out:fd_pair", "flags:O_STATUS"],
  pivot_root: ["path", "str"],
  poll: ["ptr", "uint", "int"],
  ppoll: ["ptr", "uint", "ptr", "sigset", "uint"],
  prctl: {
    by: 0,
    cases: {
      [PR.SET_PDEATHSIG]: [PRCTL, "one:SIG"],
      [PR_REST.SET_NAME]: [PRCTL, "str"],
      [PR.CAPBSET_READ]: [PRCTL, "one:CAP"],
      [PR.CAPBSET_DROP]: [PRCTL, "one:CAP"],
      [PR.SET_SECUREBITS]: [PRCTL, "flags:SECBIT"],
      [PR.CAP_AMBIENT]: {
        by: 1,
        cases: { [PR_CAP_AMBIENT.CLEAR_ALL]: [PRCTL, "one:PR_CAP_AMBIENT"] },
        otherwise: [PRCTL, "one:PR_CAP_AMBIENT", "one:CAP"],
      },
      [PR_REST.GET_DUMPABLE]: [PRCTL],
      [PR_REST.GET_SECUREBITS]: [PRCTL],
      [PR_REST.GET_NO_NEW_PRIVS]: [PRCTL],
    },
    otherwise: [PRCTL, "int"],
  },
  pread64: ["fd", "out", "uint", "int"],
  prlimit64: ["int", "one:RLIMIT", "struct:rlimit", "out"],
  pwrite64: ["fd", "text:2", "uint", "int"],
  read: ["fd", "out", "uint"],
  readlink: ["path", "out", "uint"],
  readlinkat: ["dirfd", "path", "out", "uint"],
  recvfrom: ["fd", "out", "uint", "flags:MSG", "out", "out"],
  recvmsg: ["fd", "msghdr:out", "flags:MSG"],
  removexattr: ["path", "str"],
  rename: ["str", "path"],
  renameat: ["dirfd", "str", "dirfd", "path"],
  renameat2: ["dirfd", "str", "dirfd", "path", "flags:RENAME"],
  rmdir: ["path"],
  rt_sigaction: ["one:SIG", "ptr", "out", "uint"],
  rt_sigprocmask: ["one:SIG_HOW", "sigset", "out", "uint"],
  sched_get_priority_max: ["one:SCHED"],
  sched_get_priority_min: ["one:SCHED"],
  sched_getaffinity: ["int", "uint", "out"],
  sched_setaffinity: ["int", "uint", "cpus:1"],
  sched_setattr: ["int", "struct:sched_attr", "int"],
  sched_setparam: ["int", "struct:sched_param"],
  sched_setscheduler: ["int", "one:SCHED", "struct:sched_param"],
  sched_yield: [],
  seccomp: {
    by: 0,
    cases: {
      [SECCOMP.SET_MODE_FILTER]: ["one:SECCOMP", "flags:SECCOMP_FILTER_FLAG", "filter"],
      [SECCOMP.GET_ACTION_AVAIL]: ["one:SECCOMP", "int", "struct:seccomp_action"],
    },
    otherwise: ["one:SECCOMP", "int", "ptr"],
  },
  sendfile: ["fd", "fd", "ptr", "uint"],
  sendmsg: ["fd", "msghdr", "flags:MSG"],
  sendto: ["fd", "text:2", "uint", "flags:MSG", "sockaddr:5", "uint"],
  set_mempolicy: ["flags:MPOL", "nodes:2", "uint"],
  set_tid_address: ["out"],
  setdomainname: ["text:1", "uint"],
  setfsgid: ["id"],
  setfsuid: ["id"],
  setgid: ["id"],
  setgroups: ["uint", "ids:0"],
  sethostname: ["text:1", "uint"],
  setns: ["fd", "flags:CLONE"],
  setpgid: ["int", "int"],
  setpriority: ["one:PRIO", "int", "int"],
  setregid: ["id", "id"],
  setresgid: ["id", "id", "id"],
  setresuid: ["id", "id", "id"],
  setreuid: ["id", "id"],
  setrlimit: ["one:RLIMIT", "struct:rlimit"],
  setsid: [],
  setsockopt: {
    by: 1,
    cases: { [SOL_NETLINK]: ["fd", "one:SOL", "one:NETLINK_OPTION", "struct:int", "uint"] },
    otherwise: ["fd", "one:SOL", "one:SO", "struct:int", "uint"],
  },
  setuid: ["id"],
  setxattr: ["path", "str", "text:3", "uint", "flags:XATTR"],
  shutdown: ["fd", "one:SHUT"],
  signalfd4: ["fd", "sigset", "uint", "flags:SFD"],
  socket: ["one:AF", "flags:SOCK", "int"],
  socketpair: ["one:AF", "flags:SOCK", "int", "out:fd_pair"],
  splice: ["fd", "ptr", "fd", "ptr", "uint", "int"],
  statfs: ["path", "out:statfs"],
  statx: ["dirfd", "path", "flags:AT", "flags:STATX", "out"],
  symlink: ["str", "path"],
  symlinkat: ["str", "dirfd", "path"],
  sync: [],
  syncfs: ["fd"],
  sysinfo: ["out"],
  tgkill: ["int", "int", "one:SIG"],
  timerfd_create: ["one:CLOCK", "flags:EFD"],
  truncate: ["path", "int"],
  umask: ["mode"],
  umount2: ["path", "flags:MNT"],
  uname: ["out"],
  unlink: ["path"],
  unlinkat: ["dirfd", "path", "flags:AT"],
  unshare: ["flags:CLONE"],
  userfaultfd: ["flags:UFFD"],
  utimensat: ["dirfd", "path", "ptr", "flags:AT"],
  vfork: [],
  wait4: ["int", "out", "flags:WAIT", "out"],
  waitid: ["one:P", "int", "out", "flags:WAIT", "out"],
  write: ["fd", "text:2", "uint"],
};
