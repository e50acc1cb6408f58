/**
 * The `linux.seccomp` object of the OCI runtime-spec.
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp
 */

/** What the kernel does with a system call. `SCMP_ACT_KILL` is the older name of `SCMP_ACT_KILL_THREAD`. */
export type SeccompAction =
  | "SCMP_ACT_KILL"
  | "SCMP_ACT_KILL_PROCESS"
  | "SCMP_ACT_KILL_THREAD"
  | "SCMP_ACT_TRAP"
  | "SCMP_ACT_ERRNO"
  | "SCMP_ACT_TRACE"
  | "SCMP_ACT_ALLOW"
  | "SCMP_ACT_LOG"
  | "SCMP_ACT_NOTIFY";

/** How an argument is compared with `value`; `SCMP_CMP_MASKED_EQ` means `(argument & value) == (valueTwo & value)`. */
export type SeccompOperator =
  | "SCMP_CMP_NE"
  | "SCMP_CMP_LT"
  | "SCMP_CMP_LE"
  | "SCMP_CMP_EQ"
  | "SCMP_CMP_GE"
  | "SCMP_CMP_GT"
  | "SCMP_CMP_MASKED_EQ";

export type SeccompArch =
  | "SCMP_ARCH_X86"
  | "SCMP_ARCH_X86_64"
  | "SCMP_ARCH_X32"
  | "SCMP_ARCH_ARM"
  | "SCMP_ARCH_AARCH64"
  | "SCMP_ARCH_MIPS"
  | "SCMP_ARCH_MIPS64"
  | "SCMP_ARCH_MIPS64N32"
  | "SCMP_ARCH_MIPSEL"
  | "SCMP_ARCH_MIPSEL64"
  | "SCMP_ARCH_MIPSEL64N32"
  | "SCMP_ARCH_PPC"
  | "SCMP_ARCH_PPC64"
  | "SCMP_ARCH_PPC64LE"
  | "SCMP_ARCH_S390"
  | "SCMP_ARCH_S390X"
  | "SCMP_ARCH_PARISC"
  | "SCMP_ARCH_PARISC64"
  | "SCMP_ARCH_RISCV64"
  | "SCMP_ARCH_LOONGARCH64"
  | "SCMP_ARCH_M68K"
  | "SCMP_ARCH_SH"
  | "SCMP_ARCH_SHEB";

export type SeccompFlag =
  | "SECCOMP_FILTER_FLAG_TSYNC"
  | "SECCOMP_FILTER_FLAG_LOG"
  | "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
  | "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";

/** A condition on one argument of a system call. */
export interface SeccompArg {
  /** Which argument: 0 to 5. */
  readonly index: number;
  /** Unsigned 64-bit; a bigint where a number cannot hold it exactly. */
  readonly value: number | bigint;
  /** For `SCMP_CMP_MASKED_EQ` only. */
  readonly valueTwo?: number | bigint;
  readonly op: SeccompOperator;
}

/** A rule: what to do with the named system calls, when all conditions hold. */
export interface SeccompSyscall {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  /** For `SCMP_ACT_ERRNO` and `SCMP_ACT_TRACE` only; EPERM when left out. */
  readonly errnoRet?: number;
  /** Conditions which must all hold. An index that occurs twice turns them into alternatives, as in runc. */
  readonly args?: readonly SeccompArg[];
}

export interface Seccomp {
  readonly defaultAction: SeccompAction;
  /** For `SCMP_ACT_ERRNO` and `SCMP_ACT_TRACE` only; EPERM when left out. */
  readonly defaultErrnoRet?: number;
  /** The ABIs which the rules apply to, besides the machine's own. Calls through any other ABI kill the caller. */
  readonly architectures?: readonly SeccompArch[];
  readonly flags?: readonly SeccompFlag[];
  /** A Unix socket which gets the notification descriptor, when a rule says `SCMP_ACT_NOTIFY`. */
  readonly listenerPath?: string;
  /** Opaque data sent along to `listenerPath`. */
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly SeccompSyscall[];
}
