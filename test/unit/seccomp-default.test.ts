import { describe, expect, it } from "vitest";
import { compileSeccomp } from "../../src/compile/seccomp.ts";
import { defaultSeccomp } from "../../src/compile/seccomp-default.ts";
import {
  type Abi,
  type Arch,
  auditArch,
  syscallName,
  syscallNumber,
  syscallTable,
} from "../../src/linux/syscalls/index.ts";
import { loadFilter } from "../support/bpf-simulator.ts";

const ALLOW = 0x7fff0000;
const EPERM = 0x50001;
const ENOSYS = 0x50026;
const kernel = { major: 6, minor: 1 };

const hosts: readonly { readonly arch: Arch; readonly abis: readonly Abi[] }[] = [
  { arch: "x86_64", abis: ["x86_64", "x86", "x32"] },
  { arch: "aarch64", abis: ["aarch64", "arm"] },
];
const abisWithHost = hosts.flatMap(({ arch, abis }) => abis.map((abi) => ({ arch, abi })));

interface Setup {
  readonly arch: Arch;
  readonly abi: Abi;
  readonly capabilities?: readonly string[];
  readonly version?: { readonly major: number; readonly minor: number };
}

function decider({ arch, abi, capabilities = [], version = kernel }: Setup) {
  const run = loadFilter(compileSeccomp(defaultSeccomp(arch, capabilities, version), arch).filter);
  return (name: string, ...args: readonly (number | bigint)[]): number | undefined => {
    const nr = syscallNumber(abi, name);
    const all = [0, 1, 2, 3, 4, 5].map((index) => BigInt(args[index] ?? 0));
    return nr === undefined ? undefined : run({ nr, arch: auditArch[abi], args: all }).result;
  };
}

/** What the filter says to each of the names that the ABI has. */
function decisions(setup: Setup, names: readonly string[]): ReadonlyMap<string, number | undefined> {
  const decide = decider(setup);
  return new Map(
    names.filter((name) => syscallNumber(setup.abi, name) !== undefined).map((name) => [name, decide(name)]),
  );
}

function expectAll(setup: Setup, names: readonly string[], result: number): void {
  const found = decisions(setup, names);
  expect(found.size).toBeGreaterThan(0);
  expect([...found].filter(([, decision]) => decision !== result)).toEqual([]);
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const refused = words(`
  mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsopen fsmount fsconfig fspick pivot_root chroot
  unshare setns bpf perf_event_open kexec_load kexec_file_load open_by_handle_at keyctl add_key request_key io_uring_setup
  io_uring_enter io_uring_register userfaultfd reboot swapon swapoff init_module finit_module delete_module create_module
  query_module iopl ioperm acct settimeofday clock_settime clock_settime64 stime vhangup quotactl quotactl_fd
  sethostname setdomainname syslog fanotify_init kcmp pidfd_getfd process_madvise get_mempolicy mbind set_mempolicy
  move_pages migrate_pages nfsservctl _sysctl lookup_dcookie vm86 vm86old ustat sysfs uselib
`);

/** What strace shows of shells, Node, CPython, apt and their like, in the names of all ABIs. */
const needed = words(`
  execve brk mmap mmap2 munmap mprotect mremap madvise read write pread64 pwrite64 readv writev open openat openat2 close
  close_range fstat fstat64 newfstatat fstatat64 statx lstat stat access faccessat faccessat2 readlink readlinkat getcwd
  chdir getdents getdents64 lseek _llseek ioctl fcntl fcntl64 dup dup2 dup3 pipe pipe2 fork vfork wait4 waitid exit
  exit_group rt_sigaction rt_sigprocmask rt_sigreturn rt_sigsuspend sigaltstack kill tgkill getpid getppid gettid getuid
  geteuid getgid getegid getpgrp getpgid setpgid setsid getgroups setgroups setuid setgid setresuid setresgid prctl
  set_tid_address set_robust_list rseq futex futex_time64 sched_yield sched_getaffinity sched_setaffinity getrandom
  clock_gettime clock_gettime64 clock_nanosleep nanosleep gettimeofday prlimit64 getrlimit setrlimit getrusage sysinfo
  uname umask chmod fchmod fchmodat chown fchown fchownat mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2
  link linkat symlink symlinkat utimensat utimensat_time64 truncate ftruncate fallocate fsync fdatasync flock mknod
  mknodat statfs fstatfs getxattr setxattr listxattr copy_file_range sendfile splice poll ppoll select pselect6
  epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2 inotify_init1 inotify_add_watch timerfd_create timerfd_settime
  signalfd4 socketpair bind connect listen accept accept4 sendto sendmsg sendmmsg recvfrom recvmsg getsockname
  getpeername getsockopt setsockopt shutdown socketcall memfd_create membarrier mlock mincore shmget shmat semop semget
  msgget mq_open capget capset seccomp landlock_create_ruleset pidfd_open pidfd_send_signal ptrace process_vm_readv
  arch_prctl set_thread_area cacheflush set_tls getpriority setpriority alarm setitimer times io_setup io_submit
  fchmodat2 mseal restart_syscall
`);

describe.each(abisWithHost)("the default seccomp profile on $arch, for $abi", ({ arch, abi }) => {
  it("refuses what reaches beyond the container", () => {
    expectAll({ arch, abi }, refused, EPERM);
  });

  it("allows what ordinary programs need", () => {
    expectAll({ arch, abi }, needed, ALLOW);
  });

  it("allows clone for processes and threads, and refuses it for namespaces", () => {
    const decide = decider({ arch, abi });
    const SIGCHLD = 17;
    const thread = 0x3d0f00;
    expect([decide("clone", SIGCHLD), decide("clone", thread)]).toEqual([ALLOW, ALLOW]);
    for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
      expect([flag, decide("clone", flag | SIGCHLD)]).toEqual([flag, EPERM]);
    }
  });

  it("answers ENOSYS to clone3 and other recent calls, so that programs fall back to older ones", () => {
    expectAll({ arch, abi }, words("clone3 lsm_get_self_attr file_getattr file_setattr listns"), ENOSYS);
  });

  it("allows the usual socket families only, whatever stands in the argument's upper half", () => {
    const decide = decider({ arch, abi });
    const allowed = [1, 2, 10, 15, 16, 17, 29, 43, 44];
    for (let family = 0; family < 64; family++) {
      const expected = allowed.includes(family) ? ALLOW : EPERM;
      expect([family, decide("socket", family)]).toEqual([family, expected]);
      expect([family, decide("socket", BigInt(family) + (1n << 32n))]).toEqual([family, expected]);
    }
  });

  it("allows personality for the standard ones and the query only", () => {
    const decide = decider({ arch, abi });
    const values = [0, 8, 0x20000, 0x20008, 0xffffffff, 1, 0x40000, 0x400000, 0x20009];
    expect(values.map((value) => decide("personality", value))).toEqual([
      ...Array(5).fill(ALLOW),
      ...Array(4).fill(EPERM),
    ]);
  });

  it("does not look at ioctl requests: a private terminal is what protects from TIOCSTI", () => {
    const TIOCSTI = 0x5412;
    expect(decider({ arch, abi })("ioctl", 0, TIOCSTI)).toBe(ALLOW);
  });

  it.each<[string, string]>([
    ["CAP_DAC_READ_SEARCH", "open_by_handle_at"],
    ["CAP_SYS_ADMIN", "mount umount2 unshare setns clone3 bpf perf_event_open fsopen move_mount open_tree syslog"],
    ["CAP_SYS_BOOT", "reboot"],
    ["CAP_SYS_CHROOT", "chroot"],
    ["CAP_SYS_MODULE", "init_module finit_module delete_module"],
    ["CAP_SYS_PACCT", "acct"],
    ["CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"],
    ["CAP_SYS_TIME", "settimeofday clock_settime clock_settime64 stime"],
    ["CAP_SYS_TTY_CONFIG", "vhangup"],
    ["CAP_SYS_NICE", "mbind set_mempolicy get_mempolicy set_mempolicy_home_node"],
    ["CAP_SYSLOG", "syslog"],
    ["CAP_BPF", "bpf"],
    ["CAP_PERFMON", "perf_event_open"],
  ])("with %s opens %s, and nothing else", (capability, opened) => {
    const names = [...syscallTable(abi).keys()];
    const before = decisions({ arch, abi }, names);
    const after = decisions({ arch, abi, capabilities: [capability] }, names);
    expectAll({ arch, abi, capabilities: [capability] }, words(opened), ALLOW);
    const changed = names.filter((name) => before.get(name) !== after.get(name));
    if (capability !== "CAP_SYS_ADMIN") {
      expect(changed.sort()).toEqual(
        words(opened)
          .filter((name) => syscallNumber(abi, name) !== undefined)
          .sort(),
      );
    }
    expect(changed.filter((name) => after.get(name) !== ALLOW)).toEqual([]);
  });

  it("with CAP_SYS_ADMIN allows clone with any flags, but still no other module of the kernel", () => {
    const decide = decider({ arch, abi, capabilities: ["CAP_SYS_ADMIN"] });
    expect(decide("clone", 0x7e020011)).toBe(ALLOW);
    const closed = words("reboot init_module kexec_load keyctl add_key io_uring_setup userfaultfd swapon acct chroot");
    expectAll({ arch, abi, capabilities: ["CAP_SYS_ADMIN"] }, closed, EPERM);
    expect(decide("socket", 40)).toBe(EPERM);
  });

  it("allows ptrace before Linux 4.8 to holders of CAP_SYS_PTRACE only", () => {
    const tracing = words("ptrace process_vm_readv process_vm_writev");
    const version = { major: 4, minor: 7 };
    expectAll({ arch, abi, version }, tracing, EPERM);
    expectAll({ arch, abi, version, capabilities: ["CAP_SYS_PTRACE"] }, tracing, ALLOW);
    expectAll({ arch, abi, version: { major: 4, minor: 8 } }, tracing, ALLOW);
  });

  it("answers every number, and allows none without a name", () => {
    const run = loadFilter(compileSeccomp(defaultSeccomp(arch, [], kernel), arch).filter);
    const base = abi === "x32" ? 0x40000000 : 0;
    for (let nr = base; nr < base + 1000; nr++) {
      const { result } = run({ nr, arch: auditArch[abi], args: [0n, 0n, 0n, 0n, 0n, 0n] });
      expect([ALLOW, EPERM, ENOSYS]).toContain(result);
      if (syscallName(abi, nr) === undefined) expect([nr, result]).not.toEqual([nr, ALLOW]);
    }
  });
});

describe("the default seccomp profile", () => {
  it("opens port access on x86 with CAP_SYS_RAWIO", () => {
    const setup: Setup = { arch: "x86_64", abi: "x86_64", capabilities: ["CAP_SYS_RAWIO"] };
    expectAll(setup, words("iopl ioperm"), ALLOW);
  });

  it.each(hosts)("kills callers of other architectures than those of $arch", ({ arch, abis }) => {
    const run = loadFilter(compileSeccomp(defaultSeccomp(arch, [], kernel), arch).filter);
    const offered = new Set(abis.map((abi) => auditArch[abi]));
    const others = Object.values(auditArch).filter((value) => !offered.has(value));
    expect(others.map((value) => run({ nr: 0, arch: value, args: [] }).result)).toEqual(others.map(() => 0));
  });

  it.each(hosts)("names only system calls that exist, for $arch", ({ arch }) => {
    const everything = [
      "CAP_SYS_ADMIN",
      "CAP_SYS_PTRACE",
      "CAP_SYS_NICE",
      "CAP_SYS_TIME",
      "CAP_SYS_RAWIO",
      "CAP_SYS_MODULE",
    ];
    expect(compileSeccomp(defaultSeccomp(arch, everything, kernel), arch).unknownSyscalls).toEqual([]);
  });

  it("is one object for all inputs that lead to the same profile", () => {
    const profile = defaultSeccomp("x86_64", ["CAP_SYSLOG", "CAP_BPF"], kernel);
    expect(defaultSeccomp("x86_64", ["CAP_BPF", "CAP_CHOWN", "CAP_SYSLOG"], { major: 4, minor: 8 })).toBe(profile);
    expect(defaultSeccomp("x86_64", ["CAP_BPF"], kernel)).not.toBe(profile);
    expect(defaultSeccomp("aarch64", ["CAP_SYSLOG", "CAP_BPF"], kernel)).not.toBe(profile);
  });

  it.each(hosts)("stays small for $arch, and finds most calls in a few steps", ({ arch }) => {
    const { filter, instructions } = compileSeccomp(defaultSeccomp(arch, [], kernel), arch);
    expect(instructions).toBeLessThan(400);
    const run = loadFilter(filter);
    const args = [0n, 0n, 0n, 0n, 0n, 0n];
    const steps = [...syscallTable(arch).values()].map((nr) => run({ nr, arch: auditArch[arch], args }).steps);
    expect(steps.reduce((sum, count) => sum + count) / steps.length).toBeLessThan(13);
  });
});
