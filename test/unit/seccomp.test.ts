import { describe, expect, it } from "vitest";
import { compileSeccomp } from "../../src/compile/seccomp.ts";
import type { Seccomp, SeccompAction, SeccompArg, SeccompSyscall } from "../../src/spec/seccomp.ts";
import { disassemble, loadFilter } from "../support/bpf-simulator.ts";

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const AARCH64 = 0xc00000b7;
const ARM = 0x40000028;

const ALLOW = 0x7fff0000;
const EPERM = 0x50001;
const ENOSYS = 0x50026;
const TRAP = 0x30000;
const KILL_THREAD = 0;

/** What the compiled profile returns for a call. */
function decision(profile: Seccomp, nr: number, args: readonly (number | bigint)[] = [], arch = X86_64): number {
  const host = arch === AARCH64 || arch === ARM ? "aarch64" : "x86_64";
  const all = [0, 1, 2, 3, 4, 5].map((index) => BigInt(args[index] ?? 0));
  return loadFilter(compileSeccomp(profile, host).filter)({ nr, arch, args: all }).result;
}

function denying(...syscalls: readonly SeccompSyscall[]): Seccomp {
  return { defaultAction: "SCMP_ACT_ERRNO", syscalls };
}

/** write(2), 1 on x86_64, is allowed on conditions. */
function allowWriteIf(...args: readonly SeccompArg[]): Seccomp {
  return denying({ names: ["write"], action: "SCMP_ACT_ALLOW", args });
}

const allow = (...names: readonly string[]): SeccompSyscall => ({ names, action: "SCMP_ACT_ALLOW" });

describe("the program of a profile", () => {
  it("finds the range of a call's number with a balanced tree of comparisons", () => {
    // aarch64: close 57, read 63, write 64, mmap 222; there is no open. 471 is the newest call that is known.
    const profile = denying(allow("read", "write", "open", "close", "mmap"));
    expect(disassemble(compileSeccomp(profile, "aarch64").filter).split("\n")).toEqual([
      "0: ld [4]",
      "1: jeq 0xc00000b7 ? 3 : 2",
      "2: ret 0x0",
      "3: ld [0]",
      "4: jge 0x41 ? 8 : 5",
      "5: jge 0x3a ? 7 : 6",
      "6: jge 0x39 ? 10 : 14",
      "7: jge 0x3f ? 10 : 14",
      "8: jge 0xdf ? 11 : 9",
      "9: jge 0xde ? 10 : 14",
      "10: ret 0x7fff0000",
      "11: jge 0x1d8 ? 12 : 14",
      "12: jge 0xffffffff ? 14 : 13",
      "13: ret 0x50026",
      "14: ret 0x50001",
    ]);
  });

  it("compares the upper and the lower half of an argument, and skips a half that the mask leaves out", () => {
    const profile: Seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        {
          names: ["socket"],
          action: "SCMP_ACT_ERRNO",
          errnoRet: 97,
          args: [
            { index: 0, value: 40, op: "SCMP_CMP_EQ" },
            { index: 1, value: 0xf, valueTwo: 5, op: "SCMP_CMP_MASKED_EQ" },
          ],
        },
      ],
    };
    expect(disassemble(compileSeccomp(profile, "aarch64").filter).split("\n")).toEqual([
      "0: ld [4]",
      "1: jeq 0xc00000b7 ? 3 : 2",
      "2: ret 0x0",
      "3: ld [0]",
      "4: jeq 0xc6 ? 5 : 13",
      "5: ld [20]",
      "6: jeq 0x0 ? 7 : 13",
      "7: ld [16]",
      "8: jeq 0x28 ? 9 : 13",
      "9: ld [24]",
      "10: and 0xf",
      "11: jeq 0x5 ? 12 : 13",
      "12: ret 0x50061",
      "13: ret 0x7fff0000",
    ]);
  });

  it("needs a number of steps that grows with the logarithm of the number of ranges", () => {
    const table = Array.from({ length: 300 }, (_, nr) => nr).filter((nr) => nr % 2 === 0);
    const names = ["read", "open", "stat", "lstat", "lseek", "mprotect", "brk", "ioctl", "readv", "access", "select"];
    const run = loadFilter(compileSeccomp(denying(allow(...names)), "x86_64").filter);
    const steps = table.map((nr) => run({ nr, arch: X86_64, args: [] }).steps);
    expect(Math.max(...steps)).toBeLessThanOrEqual(9);
  });

  it("is refused when it has more instructions than the kernel takes", () => {
    const many = Array.from({ length: 1100 }, (_, value) => value);
    const rule = (value: number): SeccompSyscall => ({
      names: ["write"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: value * 2 ** 32 + value, op: "SCMP_CMP_EQ" }],
    });
    expect(() => compileSeccomp(denying(...many.map(rule)), "x86_64")).toThrow(
      /^linux\.seccomp\.syscalls: the filter needs \d+ instructions; the kernel takes at most 4096$/,
    );
  });

  it("is compiled once for a profile object and an architecture", () => {
    const profile = denying(allow("read"));
    expect(compileSeccomp(profile, "x86_64")).toBe(compileSeccomp(profile, "x86_64"));
    expect(compileSeccomp(profile, "aarch64")).not.toBe(compileSeccomp(profile, "x86_64"));
  });
});

describe("actions", () => {
  it.each<[SeccompAction, number]>([
    ["SCMP_ACT_KILL", 0],
    ["SCMP_ACT_KILL_THREAD", 0],
    ["SCMP_ACT_KILL_PROCESS", 0x80000000],
    ["SCMP_ACT_TRAP", 0x30000],
    ["SCMP_ACT_ERRNO", 0x50001],
    ["SCMP_ACT_TRACE", 0x7ff00001],
    ["SCMP_ACT_LOG", 0x7ffc0000],
    ["SCMP_ACT_NOTIFY", 0x7fc00000],
  ])("%s returns 0x%x, as a rule and as the default", (action, result) => {
    const profile: Seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["read"], action }] };
    expect(decision(profile, 0)).toBe(result);
    expect(decision(profile, 1)).toBe(ALLOW);
    expect(decision({ defaultAction: action, syscalls: [allow("read")] }, 0)).toBe(ALLOW);
    expect(decision({ defaultAction: action, syscalls: [allow("read")] }, 1)).toBe(result);
  });

  it("takes errnoRet and defaultErrnoRet for SCMP_ACT_ERRNO and SCMP_ACT_TRACE", () => {
    const syscalls: SeccompSyscall[] = [
      { names: ["read"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
      { names: ["write"], action: "SCMP_ACT_TRACE", errnoRet: 7 },
    ];
    const profile: Seccomp = { defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 13, syscalls };
    expect([0, 1, 2].map((nr) => decision(profile, nr))).toEqual([0x50026, 0x7ff00007, 0x5000d]);
  });

  it("refuses an errno for an action that has none, and one that is no errno", () => {
    const withErrno = (action: SeccompAction, errnoRet: number) => () =>
      compileSeccomp(denying(allow("read"), { names: ["write"], action, errnoRet }), "x86_64");
    expect(withErrno("SCMP_ACT_TRAP", 1)).toThrow("linux.seccomp.syscalls[1].errnoRet: SCMP_ACT_TRAP takes no errno");
    expect(withErrno("SCMP_ACT_ERRNO", -1)).toThrow("linux.seccomp.syscalls[1].errnoRet: -1 is not an errno");
    expect(withErrno("SCMP_ACT_ERRNO", 65536)).toThrow("linux.seccomp.syscalls[1].errnoRet: 65536 is not an errno");
    const profile: Seccomp = { defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1 };
    expect(() => compileSeccomp(profile, "x86_64")).toThrow(
      "linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW takes no errno",
    );
  });
});

describe("conditions on arguments", () => {
  const big = 2 ** 32 + 5;
  it.each<[SeccompArg["op"], readonly number[], readonly number[]]>([
    ["SCMP_CMP_EQ", [big], [5, big + 1, 2 ** 33 + 5, 0]],
    ["SCMP_CMP_NE", [5, big + 1, 2 ** 33 + 5, 0], [big]],
    ["SCMP_CMP_LT", [big - 1, 0xffffffff, 2 ** 32, 0], [big, big + 1, 2 ** 33]],
    ["SCMP_CMP_LE", [big, big - 1, 0xffffffff, 0], [big + 1, 2 ** 33]],
    ["SCMP_CMP_GE", [big, big + 1, 2 ** 33], [big - 1, 0xffffffff, 0]],
    ["SCMP_CMP_GT", [big + 1, 2 ** 33], [big, big - 1, 0xffffffff, 0]],
  ])("%s compares unsigned 64-bit numbers", (op, allowed, refused) => {
    for (const index of [0, 5]) {
      const profile = allowWriteIf({ index, value: big, op });
      const call = (value: number) =>
        decision(
          profile,
          1,
          Array.from({ length: 6 }, (_, i) => (i === index ? value : 77)),
        );
      expect(allowed.map(call)).toEqual(allowed.map(() => ALLOW));
      expect(refused.map(call)).toEqual(refused.map(() => EPERM));
    }
  });

  it("SCMP_CMP_MASKED_EQ masks the argument with value and compares it with valueTwo", () => {
    const profile = allowWriteIf({
      index: 0,
      value: 0xff_0000_00f0n,
      valueTwo: 0x12_0000_0030n,
      op: "SCMP_CMP_MASKED_EQ",
    });
    expect(decision(profile, 1, [0xaa12_ffff_ff3fn])).toBe(ALLOW);
    expect(decision(profile, 1, [0xaa13_ffff_ff3fn])).toBe(EPERM);
    expect(decision(profile, 1, [0xaa12_ffff_ff4fn])).toBe(EPERM);
  });

  it("takes the largest 64-bit number as a bigint", () => {
    const profile = allowWriteIf({ index: 0, value: 2n ** 64n - 1n, op: "SCMP_CMP_EQ" });
    expect(decision(profile, 1, [2n ** 64n - 1n])).toBe(ALLOW);
    expect(decision(profile, 1, [2n ** 64n - 2n])).toBe(EPERM);
  });

  it.each<[SeccompArg["value"], string]>([
    [-1, "-1 is not an exact unsigned 64-bit number"],
    [2 ** 64, "18446744073709552000 is not an exact unsigned 64-bit number"],
    [0.5, "0.5 is not an exact unsigned 64-bit number"],
    [-1n, "-1 does not fit into 64 bits"],
    [2n ** 64n, "18446744073709551616 does not fit into 64 bits"],
  ])("refuses the value %s", (value, message) => {
    expect(() => compileSeccomp(allowWriteIf({ index: 0, value, op: "SCMP_CMP_EQ" }), "x86_64")).toThrow(
      `linux.seccomp.syscalls[0].args[0].value: ${message}`,
    );
  });

  it("must all hold within a rule", () => {
    const profile = allowWriteIf({ index: 0, value: 1, op: "SCMP_CMP_EQ" }, { index: 2, value: 9, op: "SCMP_CMP_LT" });
    expect(decision(profile, 1, [1, 0, 8])).toBe(ALLOW);
    expect(decision(profile, 1, [1, 0, 9])).toBe(EPERM);
    expect(decision(profile, 1, [2, 0, 8])).toBe(EPERM);
  });

  it("are alternatives within a rule that names an argument twice", () => {
    const profile = allowWriteIf(
      { index: 0, value: 1, op: "SCMP_CMP_EQ" },
      { index: 0, value: 2, op: "SCMP_CMP_EQ" },
      { index: 1, value: 3, op: "SCMP_CMP_EQ" },
    );
    expect([1, 2, 3].map((first) => decision(profile, 1, [first]))).toEqual([ALLOW, ALLOW, EPERM]);
    expect(decision(profile, 1, [7, 3])).toBe(ALLOW);
  });
});

describe("several rules for one call", () => {
  const when = (value: number, action: SeccompAction): SeccompSyscall => ({
    names: ["write"],
    action,
    args: [{ index: 0, value, op: "SCMP_CMP_GE" }],
  });

  it("are alternatives, of which the first that holds counts", () => {
    const profile = denying(when(20, "SCMP_ACT_TRAP"), when(10, "SCMP_ACT_ALLOW"));
    expect([9, 10, 20].map((value) => decision(profile, 1, [value]))).toEqual([EPERM, ALLOW, TRAP]);
  });

  it("are outweighed by one without conditions, wherever it stands", () => {
    expect(decision(denying(when(0, "SCMP_ACT_TRAP"), allow("write")), 1)).toBe(ALLOW);
    expect(decision(denying(allow("write"), when(0, "SCMP_ACT_TRAP")), 1)).toBe(ALLOW);
  });

  it("do not count when they say the same as the default action", () => {
    const profile = denying({ names: ["write"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }, when(10, "SCMP_ACT_ALLOW"));
    expect(decision(profile, 1, [10])).toBe(ALLOW);
  });
});

describe("architectures", () => {
  const getpid = { x86_64: 39, i386: 20, x32: 0x40000000 + 39, aarch64: 172, arm: 20 };
  const profile = (...architectures: NonNullable<Seccomp["architectures"]>): Seccomp => ({
    ...denying(allow("getpid")),
    architectures,
  });

  it("have their own numbers", () => {
    const all = profile("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32");
    expect(decision(all, getpid.x86_64)).toBe(ALLOW);
    expect(decision(all, getpid.i386, [], I386)).toBe(ALLOW);
    expect(decision(all, getpid.x86_64, [], I386)).toBe(EPERM);
    expect(decision(all, getpid.x32)).toBe(ALLOW);
    expect(decision(all, getpid.x32 + 1)).toBe(EPERM);
    const arm = profile("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM");
    expect(decision(arm, getpid.aarch64, [], AARCH64)).toBe(ALLOW);
    expect(decision(arm, getpid.arm, [], ARM)).toBe(ALLOW);
    expect(decision(arm, getpid.aarch64, [], ARM)).toBe(EPERM);
  });

  it("kill the caller when they are not listed, but for the machine's own", () => {
    expect(decision(profile(), getpid.x86_64)).toBe(ALLOW);
    expect(decision(profile("SCMP_ARCH_X86"), getpid.x86_64)).toBe(ALLOW);
    expect(decision(profile(), getpid.i386, [], I386)).toBe(KILL_THREAD);
    expect(decision(profile("SCMP_ARCH_AARCH64"), getpid.arm, [], ARM)).toBe(KILL_THREAD);
  });

  it("keep x32 calls out of a filter for x86_64 alone, yet not the number -1 of a call that a tracer skips", () => {
    const alone: Seccomp = { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"] };
    expect(decision(alone, 0x3fffffff)).toBe(ALLOW);
    expect(decision(alone, 0x40000000)).toBe(KILL_THREAD);
    expect(decision(alone, 0xfffffffe)).toBe(KILL_THREAD);
    expect(decision(alone, 0xffffffff)).toBe(ALLOW);
  });

  it("that a kernel of this machine does not offer change nothing", () => {
    const foreign = profile("SCMP_ARCH_S390X", "SCMP_ARCH_ARM", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_LOONGARCH64");
    expect(compileSeccomp(foreign, "x86_64").filter).toEqual(compileSeccomp(profile(), "x86_64").filter);
  });

  it("with 32 bits compare the lower half of an argument, whatever stands in the upper one", () => {
    const rule: SeccompSyscall = {
      names: ["write"],
      action: "SCMP_ACT_ERRNO",
      args: [{ index: 0, value: 5, op: "SCMP_CMP_EQ" }],
    };
    const filter: Seccomp = { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86"], syscalls: [rule] };
    expect(decision(filter, 4, [2 ** 32 + 5], I386)).toBe(EPERM);
    expect(decision(filter, 1, [2 ** 32 + 5])).toBe(ALLOW);
  });
});

describe("the multiplexed calls of i386", () => {
  const [socketcall, ipc] = [102, 117];
  const i386 = (profile: Seccomp): Seccomp => ({ ...profile, architectures: ["SCMP_ARCH_X86"] });

  it("follow the rules for the calls behind them", () => {
    const profile = i386(denying(allow("bind", "semop")));
    expect(decision(profile, 361, [], I386)).toBe(ALLOW);
    expect(decision(profile, socketcall, [2], I386)).toBe(ALLOW);
    expect(decision(profile, socketcall, [3], I386)).toBe(EPERM);
    expect(decision(profile, ipc, [1], I386)).toBe(ALLOW);
    expect(decision(profile, ipc, [0x10001], I386)).toBe(ALLOW);
    expect(decision(profile, ipc, [2], I386)).toBe(EPERM);
  });

  it("are not allowed on a condition that a filter cannot see, and are refused on it", () => {
    const args: SeccompArg[] = [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }];
    const allowing = i386(denying({ names: ["socket"], action: "SCMP_ACT_ALLOW", args }));
    expect(decision(allowing, 359, [1], I386)).toBe(ALLOW);
    expect(decision(allowing, socketcall, [1], I386)).toBe(EPERM);
    const refusing = i386({
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["socket"], action: "SCMP_ACT_ERRNO", args }],
    });
    expect(decision(refusing, 359, [2], I386)).toBe(ALLOW);
    expect(decision(refusing, socketcall, [1], I386)).toBe(EPERM);
    expect(decision(refusing, socketcall, [2], I386)).toBe(ALLOW);
  });
});

describe("calls without a name", () => {
  it("get ENOSYS instead of the default errno when they are newer than the tables", () => {
    const profile = denying(allow("read"));
    expect(decision(profile, 471)).toBe(EPERM);
    expect(decision(profile, 472)).toBe(ENOSYS);
    expect(decision(profile, 100_000)).toBe(ENOSYS);
    expect(decision(profile, 0xffffffff)).toBe(EPERM);
  });

  it("get any other default action, like all calls", () => {
    expect(decision({ defaultAction: "SCMP_ACT_KILL_PROCESS" }, 472)).toBe(0x80000000);
    expect(decision({ defaultAction: "SCMP_ACT_ALLOW" }, 472)).toBe(ALLOW);
  });
});

describe("names", () => {
  it("that no architecture knows are reported, once each", () => {
    const profile = denying(allow("read", "raed", "mmap2", "swapcontext"), allow("frobnicate", "raed"));
    expect(compileSeccomp(profile, "x86_64").unknownSyscalls).toEqual(["raed", "frobnicate"]);
    expect(decision(profile, 0)).toBe(ALLOW);
  });
});

describe("flags and notification", () => {
  const flagsOf = (flags: NonNullable<Seccomp["flags"]>, action: SeccompAction = "SCMP_ACT_ALLOW") => {
    const { flags: bits, notify } = compileSeccomp({ ...denying({ names: ["read"], action }), flags }, "x86_64");
    return { bits, notify };
  };

  it("become the bits of seccomp(2)", () => {
    expect(flagsOf([])).toEqual({ bits: 0, notify: false });
    expect(flagsOf(["SECCOMP_FILTER_FLAG_TSYNC"])).toEqual({ bits: 1, notify: false });
    expect(flagsOf(["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"])).toEqual({ bits: 6, notify: false });
  });

  it("ask for a listener when a rule or the default notifies", () => {
    expect(flagsOf([], "SCMP_ACT_NOTIFY")).toEqual({ bits: 8, notify: true });
    expect(compileSeccomp({ defaultAction: "SCMP_ACT_NOTIFY" }, "x86_64").notify).toBe(true);
  });

  it("are combined as the kernel demands with a listener", () => {
    expect(flagsOf(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], "SCMP_ACT_NOTIFY").bits).toBe(0x28);
    expect(flagsOf(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]).bits).toBe(0);
    expect(flagsOf(["SECCOMP_FILTER_FLAG_TSYNC"], "SCMP_ACT_NOTIFY").bits).toBe(0x19);
  });
});

describe("what the runtime-spec does not know is refused with the path of the member", () => {
  // A profile from JSON can hold any string.
  const compileJson = (json: string) => () => compileSeccomp(JSON.parse(json) as Seccomp, "x86_64");
  const rule = (members: string) =>
    `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG"},${members}]}`;

  it.each<[string, string]>([
    ['{"defaultAction":"ALLOW"}', 'linux.seccomp.defaultAction: unknown seccomp action "ALLOW"'],
    ['{"defaultAction":"toString"}', 'linux.seccomp.defaultAction: unknown seccomp action "toString"'],
    [
      '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86","SCMP_ARCH_VAX"]}',
      'linux.seccomp.architectures[1]: unknown architecture "SCMP_ARCH_VAX"',
    ],
    [
      '{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_NEW_LISTENER"]}',
      'linux.seccomp.flags[0]: unknown seccomp flag "SECCOMP_FILTER_FLAG_NEW_LISTENER"',
    ],
    [
      rule('{"names":["read"],"action":"SCMP_ACT_NOPE"}'),
      'linux.seccomp.syscalls[1].action: unknown seccomp action "SCMP_ACT_NOPE"',
    ],
    [
      rule('{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":1,"op":"EQ"}]}'),
      'linux.seccomp.syscalls[1].args[0].op: unknown seccomp operator "EQ"',
    ],
    [
      rule('{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}'),
      "linux.seccomp.syscalls[1].args[0].index: 6 is not the index of a system call's argument (0 to 5)",
    ],
  ])("%s", (json, message) => {
    expect(compileJson(json)).toThrow(new RangeError(message));
  });
});
