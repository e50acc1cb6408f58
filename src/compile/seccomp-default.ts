import type { Arch } from "../linux/index.ts";
import type { Seccomp, SeccompArch, SeccompSyscall } from "../spec/index.ts";
import {
  allowedCalls,
  allowedCallsArm,
  allowedCallsX86,
  callsByCapability,
  namespaceFlags,
  personalities,
  socketFamilies,
  tracingCalls,
  unsupportedCalls,
} from "./seccomp-default-calls.ts";

const EPERM = 1;
const ENOSYS = 38;

const architectures: Readonly<Record<Arch, readonly SeccompArch[]>> = {
  x86_64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  aarch64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};

const archCalls: Readonly<Record<Arch, readonly string[]>> = { x86_64: allowedCallsX86, aarch64: allowedCallsArm };

/** Allows `name` when the lower half of its first argument, an int, has one of the values. */
function allowValues(name: string, values: readonly number[]): readonly SeccompSyscall[] {
  return values.map((value) => ({
    names: [name],
    action: "SCMP_ACT_ALLOW",
    // The kernel ignores the upper half of the register, so the comparison must, too.
    args: [{ index: 0, value: 0xffff_ffff, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" }],
  }));
}

function makeProfile(arch: Arch, capabilities: readonly string[], hasSafePtrace: boolean): Seccomp {
  const allowed = new Set([...allowedCalls, ...archCalls[arch], ...(hasSafePtrace ? tracingCalls : [])]);
  for (const capability of capabilities) {
    for (const name of callsByCapability.get(capability) ?? []) allowed.add(name);
  }
  const cloneRule: SeccompSyscall = {
    names: ["clone"],
    action: "SCMP_ACT_ALLOW",
    args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
  };
  const unsupported = unsupportedCalls.filter((name) => !allowed.has(name));
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: architectures[arch],
    syscalls: [
      { names: [...allowed], action: "SCMP_ACT_ALLOW" },
      ...(allowed.has("clone") ? [] : [cloneRule]),
      ...allowValues("socket", socketFamilies),
      ...allowValues("personality", personalities),
      { names: unsupported, action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
    ],
  };
}

/** What the default profile depends on, as one word. */
export function defaultSeccompKey(
  arch: Arch,
  capabilities: readonly string[],
  kernel: { readonly major: number; readonly minor: number },
): string {
  return [arch, hasSafePtrace(kernel) ? "ptrace" : "no-ptrace", ...relevantOf(capabilities)].join(" ");
}

const relevantOf = (capabilities: readonly string[]) =>
  [...callsByCapability.keys()].filter((capability) => capabilities.includes(capability));

/** Before 4.8 a traced process could get past its filter (seccomp(2), SECCOMP_RET_TRACE). */
const hasSafePtrace = (kernel: { readonly major: number; readonly minor: number }) =>
  kernel.major > 4 || (kernel.major === 4 && kernel.minor >= 8);

const profiles = new Map<string, Seccomp>();

/**
 * The seccomp profile for containers that do not bring their own: what ordinary programs need, and what the container's
 * capabilities are for. Refused calls fail with EPERM.
 *
 * @param capabilities the container's bounding set, by names such as `CAP_SYS_ADMIN`
 * @param kernel the version of the machine's kernel
 * @returns the same object for inputs that lead to the same profile
 */
export function defaultSeccomp(
  arch: Arch,
  capabilities: readonly string[],
  kernel: { readonly major: number; readonly minor: number },
): Seccomp {
  const key = defaultSeccompKey(arch, capabilities, kernel);
  let profile = profiles.get(key);
  if (profile === undefined) {
    profile = makeProfile(arch, relevantOf(capabilities), hasSafePtrace(kernel));
    profiles.set(key, profile);
  }
  return profile;
}
