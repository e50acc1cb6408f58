import {
  type Abi,
  type Arch,
  auditArch,
  BPF_MAXINSNS,
  isSyscallName,
  newestSyscallNumber,
  SOCK_FILTER_SIZE,
  syscallTable,
  X32_SYSCALL_BIT,
} from "../linux/index.ts";
import type { Seccomp, SeccompArch } from "../spec/index.ts";
import { type Decision, Decisions } from "./seccomp-decisions.ts";
import { type ArchSection, assembleFilter, type Interval } from "./seccomp-filter.ts";
import { type Rule, resolveDefaultAction, resolveFlags, resolveRules, SECCOMP_RET } from "./seccomp-rules.ts";

/** A seccomp profile, ready for seccomp(2). */
export interface CompiledSeccomp {
  /** The `struct sock_filter` array. Shared between callers: not to be changed. */
  readonly filter: Uint8Array;
  /** The length of `filter` in instructions, for `struct sock_fprog`. */
  readonly instructions: number;
  /** `SECCOMP_FILTER_FLAG_*`, with `NEW_LISTENER` when `notify` is true. */
  readonly flags: number;
  /** Names in the profile that belong to no system call of any architecture. No rule was made for them. */
  readonly unknownSyscalls: readonly string[];
  /** Whether a rule asks a listener, so that seccomp(2) returns a notification descriptor. */
  readonly notify: boolean;
}

/**
 * The ABI behind each architecture name. Null: the name is valid, but no kernel that libct runs on offers that ABI, so
 * there is nothing to filter.
 */
const abis: Readonly<Record<SeccompArch, Abi | null>> = {
  SCMP_ARCH_X86: "x86",
  SCMP_ARCH_X86_64: "x86_64",
  SCMP_ARCH_X32: "x32",
  SCMP_ARCH_ARM: "arm",
  SCMP_ARCH_AARCH64: "aarch64",
  SCMP_ARCH_MIPS: null,
  SCMP_ARCH_MIPS64: null,
  SCMP_ARCH_MIPS64N32: null,
  SCMP_ARCH_MIPSEL: null,
  SCMP_ARCH_MIPSEL64: null,
  SCMP_ARCH_MIPSEL64N32: null,
  SCMP_ARCH_PPC: null,
  SCMP_ARCH_PPC64: null,
  SCMP_ARCH_PPC64LE: null,
  SCMP_ARCH_S390: null,
  SCMP_ARCH_S390X: null,
  SCMP_ARCH_PARISC: null,
  SCMP_ARCH_PARISC64: null,
  SCMP_ARCH_RISCV64: null,
  SCMP_ARCH_LOONGARCH64: null,
  SCMP_ARCH_M68K: null,
  SCMP_ARCH_SH: null,
  SCMP_ARCH_SHEB: null,
};

/** The ABIs that a kernel offers, and thus a filter can meet. The machine's own comes first: it is looked for first. */
const hostAbis: Readonly<Record<Arch, readonly Abi[]>> = {
  x86_64: ["x86_64", "x32", "x86"],
  aarch64: ["aarch64", "arm"],
};

/** libseccomp's default for an ABI that the profile does not list (SCMP_FLTATR_ACT_BADARCH). */
const badArch = SECCOMP_RET.killThread;

const ENOSYS = 38;

/** What a tracer sets to skip a call (seccomp(2), SECCOMP_RET_TRACE). It is no x32 call in spite of bit 30. */
const skippedCall = 0xffff_ffff;

/** The ABIs to make rules for. The machine's own is always one of them, as in libseccomp: without it nothing could run. */
function filteredAbis(profile: Seccomp, arch: Arch): ReadonlySet<Abi> {
  const filtered = new Set<Abi>([arch]);
  for (const [index, name] of (profile.architectures ?? []).entries()) {
    const abi = Object.hasOwn(abis, name) ? abis[name] : undefined;
    if (abi === undefined) {
      const member = `linux.seccomp.architectures[${index}]`;
      throw new RangeError(`${member}: unknown architecture ${JSON.stringify(name)}`);
    }
    if (abi !== null && hostAbis[arch].includes(abi)) filtered.add(abi);
  }
  return filtered;
}

/** Builds the intervals of one section; neighbours with the same decision become one. */
class IntervalList {
  readonly intervals: Interval[] = [];
  #last: Interval | undefined;

  /** From `start` on, `decision` holds. Starts must increase. */
  push(start: number, decision: Decision): void {
    if (this.#last?.decision === decision) return;
    this.#last = { start, decision };
    this.intervals.push(this.#last);
  }
}

/**
 * Calls that came after our tables have no name, so no profile can mean them. Programs probe for them and expect ENOSYS
 * where they are missing; the errno of the default action, mostly EPERM, would be taken for a refusal.
 */
function resultForNewerCalls(defaultResult: number): number {
  const isErrno = (defaultResult & 0xffff_0000) === SECCOMP_RET.errno;
  return isErrno ? SECCOMP_RET.errno + ENOSYS : defaultResult;
}

function addAbi(list: IntervalList, abi: Abi, decisions: Decisions, defaultResult: number): void {
  const table = syscallTable(abi);
  const multiplexes = table.has("socketcall");
  const newest = newestSyscallNumber(abi);
  const unnamed = decisions.always(defaultResult);
  const newer = decisions.always(resultForNewerCalls(defaultResult));
  let next = abi === "x32" ? X32_SYSCALL_BIT : 0;
  for (const [name, number] of table) {
    if (number > next) list.push(next, next > newest ? newer : unnamed);
    list.push(number, decisions.find(name, multiplexes) ?? unnamed);
    next = number + 1;
  }
  list.push(next, newer);
}

function makeSections(profile: Seccomp, arch: Arch, rules: readonly Rule[]): readonly ArchSection[] {
  const defaultResult = resolveDefaultAction(profile);
  const decisions = new Decisions(rules, defaultResult);
  const filtered = filteredAbis(profile, arch);
  const sections: ArchSection[] = [];
  for (const abi of hostAbis[arch]) {
    if (!filtered.has(abi) || abi === "x32") continue;
    const list = new IntervalList();
    addAbi(list, abi, decisions, defaultResult);
    if (abi === "x86_64") {
      if (filtered.has("x32")) addAbi(list, "x32", decisions, defaultResult);
      else list.push(X32_SYSCALL_BIT, decisions.always(badArch));
    }
    list.push(skippedCall, decisions.always(defaultResult));
    sections.push({ auditArch: auditArch[abi], bits: abi === arch ? 64 : 32, intervals: list.intervals });
  }
  return sections;
}

function findUnknown(profile: Seccomp, arch: Arch): readonly string[] {
  const native = syscallTable(arch);
  const names = new Set((profile.syscalls ?? []).flatMap((rule) => rule.names));
  return [...names].filter((name) => !native.has(name) && !isSyscallName(name));
}

function compile(profile: Seccomp, arch: Arch): CompiledSeccomp {
  const rules = resolveRules(profile);
  const notify =
    resolveDefaultAction(profile) === SECCOMP_RET.userNotif ||
    rules.some(({ result }) => result === SECCOMP_RET.userNotif);
  const filter = assembleFilter(makeSections(profile, arch, rules), badArch);
  const instructions = filter.length / SOCK_FILTER_SIZE;
  if (instructions > BPF_MAXINSNS) {
    throw new RangeError(
      `linux.seccomp.syscalls: the filter needs ${instructions} instructions; the kernel takes at most ${BPF_MAXINSNS}`,
    );
  }
  return {
    filter,
    instructions,
    flags: resolveFlags(profile, notify),
    unknownSyscalls: findUnknown(profile, arch),
    notify,
  };
}

const compiled = new WeakMap<Seccomp, Map<Arch, CompiledSeccomp>>();

/**
 * Compiles an OCI seccomp profile into a BPF filter for machines of architecture `arch`.
 *
 * Pure; the result for a profile object is remembered, so a profile must not be changed afterwards. Throws RangeError,
 * with the path of the member, for what the runtime-spec does not know or the kernel could not take.
 *
 * @see https://man7.org/linux/man-pages/man2/seccomp.2.html
 */
export function compileSeccomp(profile: Seccomp, arch: Arch): CompiledSeccomp {
  let byArch = compiled.get(profile);
  if (byArch === undefined) {
    byArch = new Map();
    compiled.set(profile, byArch);
  }
  let result = byArch.get(arch);
  if (result === undefined) {
    result = compile(profile, arch);
    byArch.set(arch, result);
  }
  return result;
}
