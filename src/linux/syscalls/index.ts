/**
 * System call numbers per ABI, and the values of `AUDIT_ARCH_*` that seccomp(2) shows to a filter.
 *
 * A table is one string of names in the order of their numbers; a number stands wherever the sequence jumps. It is parsed
 * when it is first asked for, so that loading this module costs next to nothing.
 */
import { aarch64 } from "./aarch64.ts";
import { arm } from "./arm.ts";
import { ppc64le } from "./ppc64le.ts";
import { riscv64 } from "./riscv64.ts";
import { s390x } from "./s390x.ts";
import { x32 } from "./x32.ts";
import { x86 } from "./x86.ts";
import { x86_64 } from "./x86_64.ts";

/** The architectures that libct runs on. */
export type Arch = "x86_64" | "aarch64";

/** The system call ABIs whose numbers are known: a kernel may offer several (x86_64 offers x86_64, x86 and x32). */
export type Abi = Arch | "x86" | "x32" | "arm" | "riscv64" | "ppc64le" | "s390x";

/** System call name -> number; for x32 with bit 30 set, as the kernel sees it. */
export type SyscallTable = ReadonlyMap<string, number>;

const sources: Readonly<Record<Abi, string>> = { x86_64, aarch64, x86, x32, arm, riscv64, ppc64le, s390x };

/** `__X32_SYSCALL_BIT`: tells x32 calls from x86_64 calls, which share one `AUDIT_ARCH_*` value. */
export const X32_SYSCALL_BIT = 0x4000_0000;

/** `AUDIT_ARCH_*` of <linux/audit.h>, as found in `seccomp_data.arch`. */
export const auditArch: Readonly<Record<Abi, number>> = {
  x86_64: 0xc000_003e,
  x32: 0xc000_003e,
  x86: 0x4000_0003,
  aarch64: 0xc000_00b7,
  arm: 0x4000_0028,
  riscv64: 0xc000_00f3,
  ppc64le: 0xc000_0015,
  s390x: 0x8000_0016,
};

const tables = new Map<Abi, SyscallTable>();
const names = new Map<Abi, ReadonlyMap<number, string>>();

function parse(abi: Abi): SyscallTable {
  const base = abi === "x32" ? X32_SYSCALL_BIT : 0;
  const table = new Map<string, number>();
  let next = base;
  for (const token of sources[abi].trim().split(/\s+/)) {
    const first = token.charCodeAt(0);
    if (first >= 0x30 && first <= 0x39) next = base + Number(token);
    else table.set(token, next++);
  }
  return table;
}

/** All system calls of `abi`, in the order of their numbers. */
export function syscallTable(abi: Abi): SyscallTable {
  let table = tables.get(abi);
  if (table === undefined) {
    table = parse(abi);
    tables.set(abi, table);
  }
  return table;
}

/** The number of the system call `name`, or undefined when `abi` has no such call. */
export function syscallNumber(abi: Abi, name: string): number | undefined {
  return syscallTable(abi).get(name);
}

/** The name of the system call `number`, or undefined when `abi` has no such call. */
export function syscallName(abi: Abi, number: number): string | undefined {
  let byNumber = names.get(abi);
  if (byNumber === undefined) {
    byNumber = new Map([...syscallTable(abi)].map(([name, known]) => [known, name]));
    names.set(abi, byNumber);
  }
  return byNumber.get(number);
}

/** Whether any known ABI has a system call of this name. */
export function isSyscallName(name: string): boolean {
  // x86 comes first: it has most of the names that others lack.
  const abis: readonly Abi[] = ["x86", "x86_64", "aarch64", "arm", "x32", "riscv64", "ppc64le", "s390x"];
  return abis.some((abi) => syscallTable(abi).has(name));
}

/**
 * The highest number in the table of `abi`: what lies above it came after this version of libct. The same call has the
 * highest number everywhere, as new calls get the same number, or one at the same distance, on all architectures.
 */
export function newestSyscallNumber(abi: Abi): number {
  return syscallTable(abi).get(newestSyscall) ?? 0;
}

/** The last call of the kernel that the tables were made from. */
const newestSyscall = "rseq_slice_yield";
