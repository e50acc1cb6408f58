import { integer, list, object, oneOf, path, type Schema, someText, text, value } from "./schema-base.ts";
import type {
  Seccomp,
  SeccompAction,
  SeccompArch,
  SeccompArg,
  SeccompFlag,
  SeccompOperator,
  SeccompSyscall,
} from "./seccomp.ts";

const ACTIONS = {
  SCMP_ACT_KILL: true,
  SCMP_ACT_KILL_PROCESS: true,
  SCMP_ACT_KILL_THREAD: true,
  SCMP_ACT_TRAP: true,
  SCMP_ACT_ERRNO: true,
  SCMP_ACT_TRACE: true,
  SCMP_ACT_ALLOW: true,
  SCMP_ACT_LOG: true,
  SCMP_ACT_NOTIFY: true,
} as const satisfies Record<SeccompAction, true>;
const action = oneOf<SeccompAction>(ACTIONS);

const OPERATORS = {
  SCMP_CMP_NE: true,
  SCMP_CMP_LT: true,
  SCMP_CMP_LE: true,
  SCMP_CMP_EQ: true,
  SCMP_CMP_GE: true,
  SCMP_CMP_GT: true,
  SCMP_CMP_MASKED_EQ: true,
} as const satisfies Record<SeccompOperator, true>;
const operator = oneOf<SeccompOperator>(OPERATORS);

const ARCHS = {
  SCMP_ARCH_X86: true,
  SCMP_ARCH_X86_64: true,
  SCMP_ARCH_X32: true,
  SCMP_ARCH_ARM: true,
  SCMP_ARCH_AARCH64: true,
  SCMP_ARCH_MIPS: true,
  SCMP_ARCH_MIPS64: true,
  SCMP_ARCH_MIPS64N32: true,
  SCMP_ARCH_MIPSEL: true,
  SCMP_ARCH_MIPSEL64: true,
  SCMP_ARCH_MIPSEL64N32: true,
  SCMP_ARCH_PPC: true,
  SCMP_ARCH_PPC64: true,
  SCMP_ARCH_PPC64LE: true,
  SCMP_ARCH_S390: true,
  SCMP_ARCH_S390X: true,
  SCMP_ARCH_PARISC: true,
  SCMP_ARCH_PARISC64: true,
  SCMP_ARCH_RISCV64: true,
  SCMP_ARCH_LOONGARCH64: true,
  SCMP_ARCH_M68K: true,
  SCMP_ARCH_SH: true,
  SCMP_ARCH_SHEB: true,
} as const satisfies Record<SeccompArch, true>;
const arch = oneOf<SeccompArch>(ARCHS);

const FLAGS = {
  SECCOMP_FILTER_FLAG_TSYNC: true,
  SECCOMP_FILTER_FLAG_LOG: true,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: true,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: true,
} as const satisfies Record<SeccompFlag, true>;
const flag = oneOf<SeccompFlag>(FLAGS);

/** Numbers above 2^53 - 1 are not exact: what was meant cannot be told any more. */
const unsigned64: Schema<number | bigint> = value(
  (input) =>
    typeof input === "bigint"
      ? BigInt.asUintN(64, input) === input
      : Number.isSafeInteger(input) && (input as number) >= 0,
  (input) =>
    `an unsigned 64-bit integer${typeof input === "number" && input > 0 ? "\nabove 2^53 - 1 it must be a bigint, such as 0x8000000000000000n" : ""}`,
);

/** SECCOMP_RET_DATA of seccomp(2) has 16 bits. */
const errno = integer(0, 65535);

const argument = object<SeccompArg>(
  { index: integer(0, 5), value: unsigned64, op: operator },
  { valueTwo: unsigned64 },
);

const rule = object<SeccompSyscall>({ names: list(someText, 1), action }, { errnoRet: errno, args: list(argument) });

export const seccompSchema = object<Seccomp>(
  { defaultAction: action },
  {
    defaultErrnoRet: errno,
    architectures: list(arch),
    flags: list(flag),
    listenerPath: path,
    listenerMetadata: text,
    syscalls: list(rule),
  },
);

/** All that a profile may name. */
export const seccompNames = () => ({
  actions: Object.keys(ACTIONS),
  operators: Object.keys(OPERATORS),
  archs: Object.keys(ARCHS),
  flags: Object.keys(FLAGS),
});
