/**
 * What an OCI seccomp profile means, said as plainly as possible and without regard for speed: rule by rule, on whole
 * 64-bit numbers. The compiled filters are compared with it.
 */
import { type Abi, auditArch, syscallTable } from "../../src/linux/syscalls/index.ts";
import type { Seccomp, SeccompAction, SeccompArg, SeccompSyscall } from "../../src/spec/seccomp.ts";
import type { SeccompData } from "./bpf-simulator.ts";

const results: Readonly<Record<SeccompAction, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: 0x50000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_ALLOW: 0x7fff0000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
};

/** The 32-bit number that a filter returns for an action. */
export function resultOf(action: SeccompAction, errno: number | undefined): number {
  const takesErrno = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  return results[action] + (takesErrno ? (errno ?? 1) : 0);
}

/** i386's calls behind one number: the first argument of `socketcall` and `ipc` -> name. */
const socketcalls = [
  "",
  "socket",
  "bind",
  "connect",
  "listen",
  "accept",
  "getsockname",
  "getpeername",
  "socketpair",
  "send",
  "recv",
  "sendto",
  "recvfrom",
  "shutdown",
  "setsockopt",
  "getsockopt",
  "sendmsg",
  "recvmsg",
  "accept4",
  "recvmmsg",
  "sendmmsg",
];
const ipcCalls: Readonly<Record<number, string>> = {
  1: "semop",
  2: "semget",
  3: "semctl",
  4: "semtimedop",
  11: "msgsnd",
  12: "msgrcv",
  13: "msgget",
  14: "msgctl",
  21: "shmat",
  22: "shmdt",
  23: "shmget",
  24: "shmctl",
};

export function holds(arg: SeccompArg, argument: bigint, bits: number): boolean {
  const actual = BigInt.asUintN(bits, argument);
  const value = BigInt.asUintN(bits, BigInt(arg.value));
  const second = BigInt.asUintN(bits, BigInt(arg.valueTwo ?? 0));
  switch (arg.op) {
    case "SCMP_CMP_NE":
      return actual !== value;
    case "SCMP_CMP_LT":
      return actual < value;
    case "SCMP_CMP_LE":
      return actual <= value;
    case "SCMP_CMP_EQ":
      return actual === value;
    case "SCMP_CMP_GE":
      return actual >= value;
    case "SCMP_CMP_GT":
      return actual > value;
    case "SCMP_CMP_MASKED_EQ":
      return (actual & value) === (second & value);
  }
}

function matches(rule: SeccompSyscall, data: SeccompData, bits: number): boolean {
  const args = rule.args ?? [];
  const outcomes = args.map((arg) => holds(arg, data.args[arg.index] ?? 0n, bits));
  const repeats = args.some((arg, position) => args.findIndex(({ index }) => index === arg.index) < position);
  return repeats ? outcomes.includes(true) : !outcomes.includes(false);
}

function multiplexedName(name: string, data: SeccompData): string | undefined {
  const first = Number(BigInt.asUintN(32, data.args[0] ?? 0n));
  if (name === "socketcall") return socketcalls[first];
  if (name === "ipc") return ipcCalls[first & 0xffff];
  return undefined;
}

/** How `rule` applies to the call `name`: always, under the present arguments, or not. */
function applies(rule: SeccompSyscall, name: string, abi: Abi, data: SeccompData): "always" | "now" | "no" {
  const conditional = (rule.args ?? []).length > 0;
  if (rule.names.includes(name)) {
    if (!conditional) return "always";
    if (matches(rule, data, abi === "x86" || abi === "arm" ? 32 : 64)) return "now";
  }
  const inner = abi === "x86" ? multiplexedName(name, data) : undefined;
  if (inner === undefined || !rule.names.includes(inner)) return "no";
  const permissive = rule.action === "SCMP_ACT_ALLOW" || rule.action === "SCMP_ACT_LOG";
  return conditional && permissive ? "no" : "now";
}

function abiOf(data: SeccompData, abis: readonly Abi[]): Abi | undefined {
  const isX32 = data.arch === auditArch.x32 && data.nr >= 0x40000000 && data.nr < 0xffffffff;
  return abis.find((abi) => auditArch[abi] === data.arch && (abi === "x32") === isX32);
}

/** The filter's answer to one system call on a machine that offers `abis`, of which the profile lists all. */
export function evaluate(profile: Seccomp, abis: readonly Abi[], data: SeccompData): number {
  const abi = abiOf(data, abis);
  if (abi === undefined) return 0;
  const fallback = resultOf(profile.defaultAction, profile.defaultErrnoRet);
  const table = [...syscallTable(abi)];
  const name = table.find(([, number]) => number === data.nr)?.[0];
  if (name === undefined) {
    const newest = Math.max(...table.map(([, number]) => (number < 0xf0000 || abi === "x32" ? number : 0)));
    const isNewer = data.nr > (abi === "x32" ? 0x40000000 + 471 : newest) && data.nr !== 0xffffffff;
    return isNewer && profile.defaultAction === "SCMP_ACT_ERRNO" ? 0x50000 + 38 : fallback;
  }
  const rules = (profile.syscalls ?? []).filter((rule) => resultOf(rule.action, rule.errnoRet) !== fallback);
  const rule =
    rules.find((candidate) => applies(candidate, name, abi, data) === "always") ??
    rules.find((candidate) => applies(candidate, name, abi, data) === "now");
  return rule === undefined ? fallback : resultOf(rule.action, rule.errnoRet);
}
