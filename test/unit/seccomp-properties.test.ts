import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileSeccomp } from "../../src/compile/seccomp.ts";
import { type Abi, type Arch, auditArch, syscallNumber } from "../../src/linux/syscalls/index.ts";
import type { Seccomp, SeccompAction, SeccompArch, SeccompArg, SeccompOperator } from "../../src/spec/seccomp.ts";
import { loadFilter, type SeccompData } from "../support/bpf-simulator.ts";
import { evaluate } from "../support/seccomp-reference.ts";

const names = [
  "read",
  "write",
  "openat",
  "close",
  "mmap",
  "mmap2",
  "personality",
  "clone",
  "socket",
  "bind",
  "socketcall",
  "semop",
  "msgget",
  "ipc",
  "ioctl",
  "cachestat",
  "set_tls",
  "no_such_call",
] as const;

/** Numbers around which comparisons of two 32-bit halves go wrong. */
const edges = [0n, 1n, 2n, 40n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 1n << 32n, (1n << 32n) + 40n, (1n << 64n) - 1n];

const word = fc.oneof(
  fc.constantFrom(...edges),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: 50n }),
);

const operator = fc.constantFrom<SeccompOperator>(
  "SCMP_CMP_NE",
  "SCMP_CMP_LT",
  "SCMP_CMP_LE",
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ",
);

const arg: fc.Arbitrary<SeccompArg> = fc
  .record({ index: fc.nat(5), value: word, second: word, op: operator, within: fc.boolean() })
  .map(({ index, value, second, op, within }) => {
    if (op !== "SCMP_CMP_MASKED_EQ") return { index, value, op };
    return { index, value, valueTwo: within ? second & value : second, op };
  });

const action = fc
  .constantFrom<SeccompAction>(
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
  )
  .chain((name) => {
    const takesErrno = name === "SCMP_ACT_ERRNO" || name === "SCMP_ACT_TRACE";
    const errno = takesErrno ? fc.option(fc.constantFrom(1, 13, 38), { nil: undefined }) : fc.constant(undefined);
    return errno.map((number) => ({ name, errno: number }));
  });

function profileFor(architectures: readonly SeccompArch[]): fc.Arbitrary<Seccomp> {
  const rule = fc
    .record({
      names: fc.subarray([...names], { minLength: 1, maxLength: 4 }),
      action,
      args: fc.array(arg, { maxLength: 3 }),
    })
    .map((made) => ({
      names: made.names,
      action: made.action.name,
      ...(made.action.errno === undefined ? {} : { errnoRet: made.action.errno }),
      args: made.args,
    }));
  return fc.record({ action, syscalls: fc.array(rule, { maxLength: 12 }) }).map((made) => ({
    defaultAction: made.action.name,
    ...(made.action.errno === undefined ? {} : { defaultErrnoRet: made.action.errno }),
    architectures,
    syscalls: made.syscalls,
  }));
}

/** A call whose arguments are near the numbers which the profile compares with. */
function callFor(profile: Seccomp, abis: readonly Abi[]): fc.Arbitrary<SeccompData> {
  const values = (profile.syscalls ?? []).flatMap((rule) =>
    (rule.args ?? []).flatMap((condition) => [BigInt(condition.value), BigInt(condition.valueTwo ?? 0)]),
  );
  const near = fc
    .tuple(fc.constantFrom(...edges, ...values), fc.constantFrom(0n, 1n, -1n, 1n << 32n))
    .map(([value, offset]) => BigInt.asUintN(64, value + offset));
  const numbers = names.flatMap((name) => abis.flatMap((abi) => syscallNumber(abi, name) ?? []));
  const number = fc.oneof(
    { arbitrary: fc.constantFrom(...numbers), weight: 8 },
    { arbitrary: fc.integer({ min: 0, max: 480 }), weight: 1 },
    { arbitrary: fc.integer({ min: 0x40000000, max: 0x40000000 + 560 }), weight: 1 },
    { arbitrary: fc.integer({ min: 0, max: 0xffffffff }), weight: 1 },
    { arbitrary: fc.constantFrom(0xffffffff, 0xfffffffe, 0x40000000, 0x3fffffff), weight: 1 },
  );
  const archs = [...new Set(Object.values(auditArch))];
  const arch = fc.oneof(
    { arbitrary: fc.constantFrom(...abis.map((abi) => auditArch[abi])), weight: 9 },
    { arbitrary: fc.constantFrom(...archs), weight: 1 },
  );
  return fc.record({ nr: number, arch, args: fc.array(fc.oneof(near, word), { minLength: 6, maxLength: 6 }) });
}

const machines: readonly {
  readonly arch: Arch;
  readonly abis: readonly Abi[];
  readonly architectures: readonly SeccompArch[];
}[] = [
  { arch: "x86_64", abis: ["x86_64"], architectures: ["SCMP_ARCH_X86_64"] },
  { arch: "x86_64", abis: ["x86_64", "x86"], architectures: ["SCMP_ARCH_X86"] },
  {
    arch: "x86_64",
    abis: ["x86_64", "x86", "x32"],
    architectures: ["SCMP_ARCH_X32", "SCMP_ARCH_S390X", "SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
  },
  { arch: "aarch64", abis: ["aarch64", "arm"], architectures: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] },
];

describe("a compiled seccomp profile decides like its rules, read one by one", () => {
  it.each(machines)("on $arch with $architectures", ({ arch, abis, architectures }) => {
    const profileAndCalls = profileFor(architectures).chain((profile) =>
      fc.tuple(fc.constant(profile), fc.array(callFor(profile, abis), { minLength: 20, maxLength: 40 })),
    );
    fc.assert(
      fc.property(profileAndCalls, ([profile, calls]) => {
        const run = loadFilter(compileSeccomp(profile, arch).filter);
        for (const call of calls) {
          expect(run(call).result, JSON.stringify({ ...call, args: call.args.map(String) })).toBe(
            evaluate(profile, abis, call),
          );
        }
      }),
      { numRuns: 250 },
    );
  });

  it("also when the conditions of many calls push the jumps' targets out of their reach", () => {
    const profile: Seccomp = {
      defaultAction: "SCMP_ACT_ERRNO",
      architectures: ["SCMP_ARCH_X86"],
      syscalls: Array.from({ length: 24 }, (_, round) => ({
        names: [...names],
        action: round % 2 === 0 ? ("SCMP_ACT_ALLOW" as const) : ("SCMP_ACT_TRAP" as const),
        args: [0, 1, 2].map((index) => ({ index, value: 1000 * round + index, op: "SCMP_CMP_GT" as const })),
      })).map((rule, round) => ({ ...rule, names: rule.names.slice(round % 5) })),
    };
    const { filter, instructions } = compileSeccomp(profile, "x86_64");
    expect(instructions).toBeGreaterThan(800);
    const run = loadFilter(filter);
    fc.assert(
      fc.property(callFor(profile, ["x86_64", "x86"]), (call) => {
        expect(run(call).result).toBe(evaluate(profile, ["x86_64", "x86"], call));
      }),
      { numRuns: 2000 },
    );
  });
});
