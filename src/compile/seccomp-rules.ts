import type {
  Seccomp,
  SeccompAction,
  SeccompArg,
  SeccompFlag,
  SeccompOperator,
  SeccompSyscall,
} from "../spec/index.ts";

/** `SECCOMP_RET_*` of <linux/seccomp.h>. */
export const SECCOMP_RET = {
  killProcess: 0x8000_0000,
  killThread: 0,
  trap: 0x0003_0000,
  errno: 0x0005_0000,
  userNotif: 0x7fc0_0000,
  trace: 0x7ff0_0000,
  log: 0x7ffc_0000,
  allow: 0x7fff_0000,
} as const;

const actions: Readonly<Record<SeccompAction, number>> = {
  SCMP_ACT_KILL: SECCOMP_RET.killThread,
  SCMP_ACT_KILL_PROCESS: SECCOMP_RET.killProcess,
  SCMP_ACT_KILL_THREAD: SECCOMP_RET.killThread,
  SCMP_ACT_TRAP: SECCOMP_RET.trap,
  SCMP_ACT_ERRNO: SECCOMP_RET.errno,
  SCMP_ACT_TRACE: SECCOMP_RET.trace,
  SCMP_ACT_ALLOW: SECCOMP_RET.allow,
  SCMP_ACT_LOG: SECCOMP_RET.log,
  SCMP_ACT_NOTIFY: SECCOMP_RET.userNotif,
};

/** Each operator as one of four tests and whether its outcome is turned round. */
const operators: Readonly<Record<SeccompOperator, { readonly test: Condition["test"]; readonly negated: boolean }>> = {
  SCMP_CMP_EQ: { test: "equal", negated: false },
  SCMP_CMP_NE: { test: "equal", negated: true },
  SCMP_CMP_GT: { test: "greater", negated: false },
  SCMP_CMP_LE: { test: "greater", negated: true },
  SCMP_CMP_GE: { test: "greaterOrEqual", negated: false },
  SCMP_CMP_LT: { test: "greaterOrEqual", negated: true },
  SCMP_CMP_MASKED_EQ: { test: "equal", negated: false },
};

/** `SECCOMP_FILTER_FLAG_*` of <linux/seccomp.h>. */
const flags: Readonly<Record<SeccompFlag, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1 << 0,
  SECCOMP_FILTER_FLAG_LOG: 1 << 1,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 1 << 2,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 1 << 5,
};
const newListener = 1 << 3;
const tsyncEsrch = 1 << 4;

const EPERM = 1;

/** A test of one argument, whose 64 bits are compared as two halves. */
export interface Condition {
  readonly index: number;
  readonly test: "equal" | "greater" | "greaterOrEqual";
  readonly negated: boolean;
  readonly maskHigh: number;
  readonly maskLow: number;
  readonly high: number;
  readonly low: number;
}

/** A rule of the profile, checked and in the kernel's terms. */
export interface Rule {
  readonly names: readonly string[];
  /** What the filter returns: `SECCOMP_RET_*` and its data. */
  readonly result: number;
  /** The rule applies when all conditions of any alternative hold; without alternatives it always applies. */
  readonly alternatives: readonly (readonly Condition[])[];
}

function lookUp<T>(table: Readonly<Record<string, T>>, key: string, member: string, kind: string): T {
  const value = Object.hasOwn(table, key) ? table[key] : undefined;
  if (value === undefined) throw new RangeError(`${member}: unknown ${kind} ${JSON.stringify(key)}`);
  return value;
}

function resolveAction(action: SeccompAction, errno: number | undefined, members: readonly [string, string]): number {
  const result = lookUp(actions, action, members[0], "seccomp action");
  const takesErrno = result === SECCOMP_RET.errno || result === SECCOMP_RET.trace;
  if (errno === undefined) return takesErrno ? result + EPERM : result;
  // "When the action doesn't support an errno, the runtime MUST print and error and fail" (runtime-spec, seccomp).
  if (!takesErrno) throw new RangeError(`${members[1]}: ${action} takes no errno`);
  if (!Number.isInteger(errno) || errno < 0 || errno > 0xffff) {
    throw new RangeError(`${members[1]}: ${errno} is not an errno (an integer from 0 to 65535)`);
  }
  return result + errno;
}

/** What the filter returns for calls that no rule matches. */
export function resolveDefaultAction(profile: Seccomp): number {
  const members = ["linux.seccomp.defaultAction", "linux.seccomp.defaultErrnoRet"] as const;
  return resolveAction(profile.defaultAction, profile.defaultErrnoRet, members);
}

function halves(value: number | bigint, member: string): readonly [number, number] {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || value < 0) {
      const advice = "an integer from 0 to 2^53 - 1, or a bigint";
      throw new RangeError(`${member}: ${value} is not an exact unsigned 64-bit number (${advice})`);
    }
    return [Math.floor(value / 2 ** 32), value >>> 0];
  }
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${member}: ${value} does not fit into 64 bits`);
  return [Number(value >> 32n), Number(value & 0xffff_ffffn)];
}

function resolveCondition(arg: SeccompArg, member: string): Condition {
  const { test, negated } = lookUp(operators, arg.op, `${member}.op`, "seccomp operator");
  if (!Number.isInteger(arg.index) || arg.index < 0 || arg.index > 5) {
    throw new RangeError(`${member}.index: ${arg.index} is not the index of a system call's argument (0 to 5)`);
  }
  const value = halves(arg.value, `${member}.value`);
  if (arg.op !== "SCMP_CMP_MASKED_EQ") {
    return {
      index: arg.index,
      test,
      negated,
      maskHigh: 0xffff_ffff,
      maskLow: 0xffff_ffff,
      high: value[0],
      low: value[1],
    };
  }
  const two = halves(arg.valueTwo ?? 0, `${member}.valueTwo`);
  // Bits of valueTwo outside of the mask do not count, as in libseccomp.
  const [high, low] = [(two[0] & value[0]) >>> 0, (two[1] & value[1]) >>> 0];
  return { index: arg.index, test, negated, maskHigh: value[0], maskLow: value[1], high, low };
}

function resolveRule(rule: SeccompSyscall, member: string): Rule {
  const result = resolveAction(rule.action, rule.errnoRet, [`${member}.action`, `${member}.errnoRet`]);
  const conditions = (rule.args ?? []).map((arg, index) => resolveCondition(arg, `${member}.args[${index}]`));
  const repeats = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  const alternatives = repeats ? conditions.map((condition) => [condition]) : [conditions];
  return { names: rule.names, result, alternatives: conditions.length === 0 ? [] : alternatives };
}

/** The rules that matter: those which say the same as the default action are checked and left out, as runc does. */
export function resolveRules(profile: Seccomp): readonly Rule[] {
  const defaultResult = resolveDefaultAction(profile);
  return (profile.syscalls ?? [])
    .map((rule, index) => resolveRule(rule, `linux.seccomp.syscalls[${index}]`))
    .filter(({ result }) => result !== defaultResult);
}

/** The flags for seccomp(2), given whether the filter notifies a listener. */
export function resolveFlags(profile: Seccomp, notify: boolean): number {
  let bits = notify ? newListener : 0;
  for (const [index, flag] of (profile.flags ?? []).entries()) {
    bits |= lookUp(flags, flag, `linux.seccomp.flags[${index}]`, "seccomp flag");
  }
  // Both mean something else to the kernel without the other flag, and are refused with EINVAL (seccomp(2)): without a
  // listener there is nothing to wait for, and with one the failure of TSYNC must not look like a descriptor.
  if (!notify) return bits & ~flags.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  return bits & flags.SECCOMP_FILTER_FLAG_TSYNC ? bits | tsyncEsrch : bits;
}
