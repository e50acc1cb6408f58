import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileSeccomp } from "../../src/compile/seccomp.ts";
import { defaultSeccomp } from "../../src/compile/seccomp-default.ts";
import { type Abi, auditArch, syscallTable } from "../../src/linux/syscalls/index.ts";
import type { Seccomp, SeccompAction, SeccompArg, SeccompOperator, SeccompSyscall } from "../../src/spec/seccomp.ts";
import { loadFilter, type SeccompData } from "../support/bpf-simulator.ts";
import { resultOf } from "../support/seccomp-reference.ts";

/**
 * Builds filters with libseccomp. Standard input: "profile RESULT", "arch TOKEN", "rule RESULT NAME COUNT {INDEX OP A B}",
 * "end"; names that libseccomp does not know are skipped. The filter of the Nth profile is written to the file N.bpf.
 */
const compilerSource = `
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check(int rc, const char *what) {
  if (rc < 0) { fprintf(stderr, "%s: %s\\n", what, strerror(-rc)); exit(1); }
}

int main(void) {
  scmp_filter_ctx ctx = NULL;
  char word[64], name[64];
  unsigned result, token, count, serial = 0;
  while (scanf("%63s", word) == 1) {
    if (strcmp(word, "profile") == 0) {
      if (scanf("%u", &result) != 1 || (ctx = seccomp_init(result)) == NULL) return 2;
    } else if (strcmp(word, "arch") == 0) {
      if (scanf("%u", &token) != 1) return 2;
      int rc = seccomp_arch_add(ctx, token);
      if (rc != -EEXIST) check(rc, "arch");
    } else if (strcmp(word, "rule") == 0) {
      struct scmp_arg_cmp args[6];
      if (scanf("%u %63s %u", &result, name, &count) != 3 || count > 6) return 2;
      for (unsigned i = 0; i < count; i++) {
        unsigned op;
        if (scanf("%u %u %" SCNu64 " %" SCNu64, &args[i].arg, &op, &args[i].datum_a, &args[i].datum_b) != 4) return 2;
        args[i].op = op;
      }
      int number = seccomp_syscall_resolve_name(name);
      if (number != __NR_SCMP_ERROR) check(seccomp_rule_add_array(ctx, result, number, count, args), name);
    } else if (strcmp(word, "end") == 0) {
      snprintf(name, sizeof name, "%u.bpf", serial++);
      int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
      if (fd < 0) return 3;
      check(seccomp_export_bpf(ctx, fd), "export");
      close(fd);
      seccomp_release(ctx);
    }
  }
  return 0;
}
`;

/** Prints the numbers of the names on standard input that libseccomp knows, for the architecture of the first argument. */
const resolverSource = `
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  char name[64];
  if (argc != 2) return 2;
  while (scanf("%63s", name) == 1) printf("%s %d\\n", name, seccomp_syscall_resolve_name_arch(strtoul(argv[1], 0, 10), name));
  return 0;
}
`;

/** `enum scmp_compare` of <seccomp.h>. */
const operators: readonly SeccompOperator[] = [
  "SCMP_CMP_NE",
  "SCMP_CMP_LT",
  "SCMP_CMP_LE",
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ",
];

/** libseccomp's tokens: the audit values, but for x32. */
const tokens = {
  x86_64: auditArch.x86_64,
  x86: auditArch.x86,
  x32: 0x4000003e,
  aarch64: auditArch.aarch64,
  arm: auditArch.arm,
};

function gcc(directory: string, name: string, source: string): void {
  writeFileSync(join(directory, `${name}.c`), source);
  execFileSync("gcc", ["-O1", "-o", name, `${name}.c`, "-lseccomp"], { cwd: directory, stdio: "pipe" });
}

function findPeer(): string | undefined {
  if (process.arch !== "x64") {
    console.warn("the comparison with libseccomp is skipped: it is made for x86_64 machines");
    return undefined;
  }
  const directory = mkdtempSync(join(tmpdir(), "libct-libseccomp-"));
  try {
    gcc(directory, "compile", compilerSource);
    gcc(directory, "resolve", resolverSource);
    return directory;
  } catch (error) {
    rmSync(directory, { recursive: true });
    if (process.env.CI === "true") throw error;
    console.warn("libseccomp's development files or gcc are missing: the comparison with libseccomp is skipped");
    return undefined;
  }
}

const peer = findPeer();
const compare = peer === undefined ? it.skip : it;

/** The profile in the input language of the C program, handled as runc does: redundant rules go, repeats become "or". */
function describeProfile(profile: Seccomp, abis: readonly (keyof typeof tokens)[]): string {
  const fallback = resultOf(profile.defaultAction, profile.defaultErrnoRet);
  const lines = [`profile ${fallback}`, ...abis.map((abi) => `arch ${tokens[abi]}`)];
  for (const rule of profile.syscalls ?? []) {
    const result = resultOf(rule.action, rule.errnoRet);
    if (result === fallback) continue;
    const args = rule.args ?? [];
    const repeats = new Set(args.map(({ index }) => index)).size < args.length;
    for (const name of rule.names) {
      for (const group of repeats ? args.map((arg) => [arg]) : [args]) {
        const conditions = group.map((a) => `${a.index} ${operators.indexOf(a.op) + 1} ${a.value} ${a.valueTwo ?? 0}`);
        lines.push(`rule ${result} ${name} ${group.length} ${conditions.join(" ")}`);
      }
    }
  }
  return `${lines.join("\n")}\nend\n`;
}

function libseccomp(profiles: readonly Seccomp[], abis: readonly (keyof typeof tokens)[]): readonly Uint8Array[] {
  const directory = peer ?? "";
  const input = profiles.map((profile) => describeProfile(profile, abis)).join("");
  const { status, stderr } = spawnSync("./compile", { cwd: directory, input, encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return profiles.map((_, index) => readFileSync(join(directory, `${index}.bpf`)));
}

/** Name -> number, as libseccomp knows it; negative when the architecture lacks the call. */
function resolve(abi: keyof typeof tokens, names: readonly string[]): ReadonlyMap<string, number> {
  const output = execFileSync("./resolve", [String(tokens[abi])], {
    cwd: peer,
    input: names.join("\n"),
    encoding: "utf8",
  });
  const lines = output.trim().split("\n");
  return new Map(lines.map((line): [string, number] => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]));
}

const names = ["read", "write", "close", "mmap", "openat", "clone", "personality", "ioctl", "mmap2", "getuid32"];
/** Calls that i386 multiplexes. Where an argument decides, libseccomp lets the multiplexer pass unchecked; libct does not. */
const unconditionalOnly = ["socket", "bind", "socketcall", "semop", "msgget", "ipc"];

const edges = [0n, 1n, 40n, 0x80000000n, 0xffffffffn, 1n << 32n, (1n << 32n) + 40n, (1n << 64n) - 1n];

interface Bounds {
  readonly word: fc.Arbitrary<bigint>;
}

const wide: Bounds = {
  word: fc.oneof(
    fc.constantFrom(...edges),
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fc.bigInt({ min: 0n, max: 50n }),
  ),
};
const narrow: Bounds = {
  word: fc.oneof(
    fc.constantFrom(...edges.slice(0, 5)),
    fc.bigInt({ min: 0n, max: 0xffffffffn }),
    fc.bigInt({ min: 0n, max: 50n }),
  ),
};

/** libseccomp 2.5 forgets to load the call's number when its first rule is for a call which the architecture lacks. */
const first: SeccompSyscall = { names: ["getpid"], action: "SCMP_ACT_TRACE", errnoRet: 7 };

/**
 * Random profiles, as far as libseccomp's answer is defined: no name occurs in two unconditional rules, and a call with
 * conditions has either one rule or several that compare one argument with different values. (Otherwise libseccomp merges
 * the rules' trees and loses some of them.)
 */
function randomProfile({ word }: Bounds): fc.Arbitrary<Seccomp> {
  const action = fc.constantFrom<SeccompAction>(
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_LOG",
  );
  const arg = fc
    .record({ index: fc.nat(5), value: word, second: word, op: fc.constantFrom(...operators), within: fc.boolean() })
    .map(({ index, value, second, op, within }) =>
      op === "SCMP_CMP_MASKED_EQ"
        ? { index, value, valueTwo: within ? second & value : second, op }
        : { index, value, op },
    );
  const all: fc.Arbitrary<readonly (readonly SeccompArg[])[]> = fc
    .uniqueArray(arg, { minLength: 1, maxLength: 4, selector: ({ index }) => index })
    .map((args) => [args]);
  const anyValue: fc.Arbitrary<readonly (readonly SeccompArg[])[]> = fc
    .tuple(fc.nat(5), fc.uniqueArray(word, { minLength: 2, maxLength: 4 }))
    .map(([index, values]) => values.map((value) => [{ index, value, op: "SCMP_CMP_EQ" as const }]));
  const conditional = fc
    .record({ name: fc.constantFrom(...names), action, alternatives: fc.oneof(all, anyValue) })
    .map((made) =>
      made.alternatives.map((args): SeccompSyscall => ({ names: [made.name], action: made.action, args })),
    );
  const always = fc
    .tuple(
      fc.shuffledSubarray([...names, ...unconditionalOnly], { maxLength: 6 }),
      fc.array(action, { minLength: 6, maxLength: 6 }),
    )
    .map(([chosen, actions]) =>
      chosen.map((name, index): SeccompSyscall => ({ names: [name], action: actions[index] ?? "SCMP_ACT_LOG" })),
    );
  return fc
    .record({
      defaultAction: action,
      conditional: fc.uniqueArray(conditional, { maxLength: 6, selector: (rules) => rules[0]?.names[0] }),
      always,
      order: fc.boolean(),
    })
    .map((made) => ({
      defaultAction: made.defaultAction,
      syscalls: [
        first,
        ...(made.order ? [...made.conditional.flat(), ...made.always] : [...made.always, ...made.conditional.flat()]),
      ],
    }));
}

function randomCalls(profile: Seccomp, abis: readonly Abi[], { word }: Bounds): fc.Arbitrary<readonly SeccompData[]> {
  const values = (profile.syscalls ?? []).flatMap((rule) =>
    (rule.args ?? []).flatMap((arg) => [BigInt(arg.value), BigInt(arg.valueTwo ?? 0)]),
  );
  const interesting = names.concat(unconditionalOnly);
  const numbers = abis.flatMap((abi) =>
    interesting.flatMap((name) => {
      const nr = syscallTable(abi).get(name);
      return nr === undefined ? [] : [{ nr, arch: auditArch[abi] }];
    }),
  );
  const target = fc.oneof(
    { arbitrary: fc.constantFrom(...numbers), weight: 9 },
    {
      arbitrary: fc.record({
        nr: fc.integer({ min: 0, max: 450 }),
        arch: fc.constantFrom(...numbers).map((n) => n.arch),
      }),
      weight: 1,
    },
    { arbitrary: fc.record({ nr: fc.nat(450), arch: fc.constantFrom(...Object.values(auditArch)) }), weight: 1 },
    {
      arbitrary: fc.constantFrom(0xffffffff, 0x40000000, 0x40000003).map((nr) => ({ nr, arch: auditArch.x86_64 })),
      weight: 1,
    },
  );
  const near = fc.constantFrom(...edges.slice(0, 5), ...values);
  const call = fc.record({ target, args: fc.array(fc.oneof(near, word), { minLength: 6, maxLength: 6 }) });
  return fc.array(
    call.map(({ target: { nr, arch }, args }) => ({ nr, arch, args })),
    { minLength: 60, maxLength: 60 },
  );
}

const combinations: readonly { readonly abis: readonly ("x86_64" | "x86" | "x32")[]; readonly bounds: Bounds }[] = [
  { abis: ["x86_64"], bounds: wide },
  { abis: ["x86_64", "x86"], bounds: wide },
  // libseccomp looks at the lower half of x32's arguments only, although the kernel passes all 64 bits.
  { abis: ["x86_64", "x86", "x32"], bounds: narrow },
];

/** Profiles that do not name their architectures get those of the combination. */
function withArchitectures(profile: Seccomp, abis: readonly ("x86_64" | "x86" | "x32")[]): Seccomp {
  const architectures = { x86_64: "SCMP_ARCH_X86_64", x86: "SCMP_ARCH_X86", x32: "SCMP_ARCH_X32" } as const;
  return { ...profile, architectures: abis.map((abi) => architectures[abi]) };
}

function compareDecisions(profile: Seccomp, theirs: Uint8Array, calls: readonly SeccompData[]): void {
  const ourRun = loadFilter(compileSeccomp(profile, "x86_64").filter);
  const theirRun = loadFilter(theirs);
  for (const call of calls) {
    const where = JSON.stringify({ profile, call }, (_, value) =>
      typeof value === "bigint" ? `0x${value.toString(16)}` : value,
    );
    expect(ourRun(call).result, where).toBe(theirRun(call).result);
  }
}

afterAll(() => {
  if (peer !== undefined) rmSync(peer, { recursive: true });
});

describe("compiled profiles decide like the filters of libseccomp", () => {
  for (const { abis, bounds } of combinations) {
    compare(`random profiles for ${abis.join(", ")}`, () => {
      const profileAndCalls = randomProfile(bounds).chain((profile) =>
        fc.tuple(fc.constant(withArchitectures(profile, abis)), randomCalls(profile, abis, bounds)),
      );
      const cases = fc.sample(profileAndCalls, { numRuns: 400, seed: 20 + abis.length });
      const filters = libseccomp(
        cases.map(([profile]) => profile),
        abis,
      );
      for (const [index, [profile, calls]] of cases.entries()) {
        compareDecisions(profile, filters[index] ?? new Uint8Array(), calls);
      }
    });
  }

  describe("the default profile", () => {
    const sampleArgs = (): readonly bigint[][] => {
      const first = [
        0n,
        1n,
        2n,
        8n,
        10n,
        16n,
        17n,
        29n,
        38n,
        40n,
        43n,
        0x20000n,
        0x20008n,
        0x11n,
        0x20011n,
        0x10000000n,
        0x40000000n,
        0xffffffffn,
      ];
      return first.map((value) => [value, 0n, 0n, 0n, 0n, 0n]);
    };
    const known = new Map<string, ReadonlyMap<string, number>>();

    beforeAll(() => {
      if (peer === undefined) return;
      for (const abi of ["x86_64", "x86", "x32"] as const) known.set(abi, resolve(abi, [...syscallTable(abi).keys()]));
    });

    compare.each([[[]], [["CAP_SYS_ADMIN"]], [["CAP_SYS_PTRACE", "CAP_SYSLOG", "CAP_SYS_CHROOT"]]])(
      "with the capabilities %j",
      (capabilities) => {
        const abis = ["x86_64", "x86", "x32"] as const;
        const profile = defaultSeccomp("x86_64", capabilities, { major: 6, minor: 1 });
        const [theirs = new Uint8Array()] = libseccomp([profile], abis);
        const calls = abis.flatMap((abi) =>
          [...syscallTable(abi)]
            .filter(([name, nr]) => known.get(abi)?.get(name) === nr)
            .flatMap(([, nr]) => sampleArgs().map((args) => ({ nr, arch: auditArch[abi], args }))),
        );
        expect(calls.length).toBeGreaterThan(15_000);
        compareDecisions(profile, theirs, calls);
      },
    );
  });
});

describe("the system call tables agree with libseccomp", () => {
  compare.each(["x86_64", "x86", "x32", "aarch64", "arm"] as const)("for %s", (abi) => {
    const theirs = resolve(abi, [...syscallTable(abi).keys()]);
    const differing = [...syscallTable(abi)].filter(
      ([name, nr]) => (theirs.get(name) ?? -1) >= 0 && theirs.get(name) !== nr,
    );
    const agreeing = [...syscallTable(abi)].filter(([name, nr]) => theirs.get(name) === nr);
    expect(differing).toEqual([]);
    expect(agreeing.length).toBeGreaterThan(300);
  });
});
