/**
 * The system calls of the default seccomp profile, by what they are for.
 *
 * A call is allowed when it acts on the caller's own processes, memory, files and sockets only, or when the kernel checks
 * every use of it against capabilities and namespaces on paths that unprivileged programs exercise all the time. Left out
 * (and so refused) is what reaches the whole machine, or is rarely needed and has a record of kernel bugs: among them
 * io_uring_*, userfaultfd, keyctl and its kin (keyrings are not namespaced), kexec_*, swapon, pivot_root, nfsservctl,
 * _sysctl, vm86, move_pages and migrate_pages.
 */

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** Allowed for every container. Calls that an ABI does not have are skipped there. */
export const allowedCalls: readonly string[] = words(`
  read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek close close_range dup dup2 dup3
  fcntl fcntl64 flock ioctl fsync fdatasync sync syncfs sync_file_range fadvise64 fadvise64_64 readahead cachestat
  fallocate truncate truncate64 ftruncate ftruncate64 copy_file_range sendfile sendfile64 splice tee vmsplice pipe pipe2

  open openat openat2 creat access faccessat faccessat2 stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx
  statfs statfs64 fstatfs fstatfs64 statmount listmount getdents getdents64 getcwd chdir fchdir umask
  mkdir mkdirat mknod mknodat rmdir link linkat symlink symlinkat readlink readlinkat unlink unlinkat
  rename renameat renameat2 chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 lchown lchown32 fchownat
  utime utimes futimesat utimensat utimensat_time64 name_to_handle_at
  getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat
  listxattr llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat

  brk mmap mmap2 munmap mremap mprotect madvise msync mincore mlock mlock2 mlockall munlock munlockall remap_file_pages
  pkey_alloc pkey_free pkey_mprotect memfd_create memfd_secret membarrier map_shadow_stack mseal

  fork vfork execve execveat exit exit_group wait4 waitid waitpid restart_syscall rseq
  getpid getppid gettid getpgid getpgrp getsid setpgid setsid set_tid_address set_robust_list get_robust_list
  get_thread_area set_thread_area prctl seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
  pidfd_open pidfd_send_signal process_mrelease getcpu uname sysinfo getrandom uretprobe
  getrlimit ugetrlimit setrlimit prlimit64 getrusage times getpriority setpriority ioprio_get ioprio_set
  sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam sched_getscheduler sched_setscheduler
  sched_getattr sched_setattr sched_get_priority_max sched_get_priority_min sched_rr_get_interval
  sched_rr_get_interval_time64

  getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32
  getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32
  setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset

  kill tkill tgkill pause sigaltstack sigprocmask sigreturn signalfd signalfd4 rt_sigaction rt_sigpending rt_sigprocmask
  rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64

  time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep clock_nanosleep_time64
  nanosleep adjtimex clock_adjtime clock_adjtime64 alarm getitimer setitimer timer_create timer_delete timer_getoverrun
  timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64
  timerfd_settime timerfd_settime64

  poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
  epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 inotify_init inotify_init1 inotify_add_watch
  inotify_rm_watch fanotify_mark io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64
  futex futex_time64 futex_wait futex_waitv futex_wake futex_requeue

  socketpair bind connect listen accept accept4 shutdown getsockname getpeername getsockopt setsockopt
  send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64

  shmget shmat shmdt shmctl semget semop semctl semtimedop semtimedop_time64 msgget msgsnd msgrcv msgctl
  mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64
`);

/**
 * Allowed on machines of the x86 family, besides `allowedCalls`. `socketcall` lets an i386 program open a socket of any
 * family, as its arguments are out of a filter's reach, but glibc of the common distributions knows no other way.
 */
export const allowedCallsX86: readonly string[] = words("arch_prctl modify_ldt socketcall ipc");

/** Allowed on machines of the ARM family, besides `allowedCalls`. */
export const allowedCallsArm: readonly string[] = words(
  "breakpoint cacheflush set_tls arm_fadvise64_64 arm_sync_file_range sync_file_range2",
);

/** Reads and controls other processes. Before Linux 4.8, ptrace could get round seccomp filters (seccomp(2)). */
export const tracingCalls: readonly string[] = words("ptrace process_vm_readv process_vm_writev");

/** Allowed to those who hold the capability. */
export const callsByCapability: ReadonlyMap<string, readonly string[]> = new Map([
  ["CAP_DAC_READ_SEARCH", words("open_by_handle_at")],
  [
    "CAP_SYS_ADMIN",
    words(`
      clone clone3 unshare setns mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsopen fsconfig
      fsmount fspick sethostname setdomainname quotactl quotactl_fd fanotify_init lookup_dcookie bpf perf_event_open
      syslog lsm_get_self_attr lsm_set_self_attr lsm_list_modules
    `),
  ],
  ["CAP_SYS_BOOT", words("reboot")],
  ["CAP_SYS_CHROOT", words("chroot")],
  ["CAP_SYS_MODULE", words("init_module finit_module delete_module")],
  ["CAP_SYS_PACCT", words("acct")],
  ["CAP_SYS_PTRACE", words("ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp")],
  ["CAP_SYS_RAWIO", words("iopl ioperm")],
  ["CAP_SYS_TIME", words("settimeofday stime clock_settime clock_settime64")],
  ["CAP_SYS_TTY_CONFIG", words("vhangup")],
  ["CAP_SYS_NICE", words("get_mempolicy set_mempolicy set_mempolicy_home_node mbind")],
  ["CAP_SYSLOG", words("syslog")],
  ["CAP_BPF", words("bpf")],
  ["CAP_PERFMON", words("perf_event_open")],
]);

/**
 * Refused with ENOSYS, unless a capability allows them: programs know what to do on kernels without these recent calls,
 * but take EPERM for the final answer. glibc falls back from clone3, whose flags lie out of a filter's reach, to clone.
 */
export const unsupportedCalls: readonly string[] = words(`
  clone3 lsm_get_self_attr lsm_set_self_attr lsm_list_modules file_getattr file_setattr listns rseq_slice_yield
`);

/**
 * The address families of socket(2) that containers may use: AF_UNIX, AF_INET, AF_INET6, AF_KEY, AF_NETLINK, AF_PACKET,
 * AF_CAN, AF_SMC, AF_XDP. Others are not confined to a network namespace (AF_VSOCK), give access to parts of the kernel
 * with a record of holes (AF_ALG), or are obsolete and would make the kernel load a module.
 */
export const socketFamilies: readonly number[] = [1, 2, 10, 15, 16, 17, 29, 43, 44];

/** personality(2): PER_LINUX and PER_LINUX32, each alone or with UNAME26, and the query of the current value. */
export const personalities: readonly number[] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/** CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET. */
export const namespaceFlags = 0x7e02_0000;
