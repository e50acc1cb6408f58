import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileContainer } from "../../src/compile/index.ts";
import { E, kernelFeatures, syscallName } from "../../src/linux/index.ts";
import { encodeProgram, type Op, type Program, verifyProgram } from "../../src/program/index.ts";
import { standard } from "../../src/spec/index.ts";
import {
  arbitraryBareProcess,
  arbitraryContainer,
  type Given,
  KERNELS,
  OWN_ID,
  ROOT_PLANS,
  resolvedBy,
} from "../support/arbitrary-spec.ts";

/** The release in which each call came (the "HISTORY" of its manual page); those that are older than 4.19 are left out. */
const CAME_WITH: Readonly<Record<string, readonly [number, number]>> = {
  open_tree: [5, 2],
  move_mount: [5, 2],
  fsopen: [5, 2],
  fsconfig: [5, 2],
  fsmount: [5, 2],
  fspick: [5, 2],
  clone3: [5, 3],
  pidfd_open: [5, 3],
  openat2: [5, 6],
  pidfd_getfd: [5, 6],
  faccessat2: [5, 8],
  close_range: [5, 9],
  mount_setattr: [5, 12],
  landlock_create_ruleset: [5, 13],
  landlock_add_rule: [5, 13],
  landlock_restrict_self: [5, 13],
};

const nameOf = (program: Program, op: Op) =>
  op.op === "SPAWN" && op.flags !== 0
    ? "clone3"
    : op.op === "SYSCALL"
      ? (syscallName(program.arch, op.nr) ?? "?")
      : op.op;
const callsOf = (program: Program) => program.blocks.flatMap(({ ops }) => ops.map((op) => nameOf(program, op)));

for (const kernel of KERNELS) {
  const features = kernelFeatures(kernel);
  const container = fc.oneof({ weight: 5, arbitrary: arbitraryContainer(features) }, arbitraryBareProcess(features));
  const check = (property: (program: Program, given: Given) => void) =>
    fc.assert(
      fc.property(container, (given) => {
        property(compileContainer(resolvedBy(given, features)), given);
      }),
      { numRuns: 150 },
    );

  describe(`any container on Linux ${kernel}`, () => {
    it("keeps every security property", () => {
      check((program) => expect(verifyProgram(program)).toEqual([]));
    });

    it("uses no system call that this kernel does not have", () => {
      const newer = (name: string) => {
        const [major, minor] = CAME_WITH[name] ?? [0, 0];
        return major > features.major || (major === features.major && minor > features.minor);
      };
      check((program) => expect(callsOf(program).filter(newer)).toEqual([]));
    });

    it("becomes the same bytes each time", () => {
      check((program, given) => {
        const again = compileContainer(resolvedBy(given, features));
        expect(Buffer.compare(encodeProgram(again), encodeProgram(program))).toBe(0);
      });
    });
  });
}

describe("a good program with one thing spoiled is found out", () => {
  const features = kernelFeatures("6.12");
  const base = standard({ userNamespace: false });
  const plan = ROOT_PLANS.dir;
  const good = (userNamespace = false) =>
    compileContainer(
      resolvedBy(
        {
          spec: userNamespace ? standard({ userNamespace: true }) : base,
          ...(plan ? { root: plan } : {}),
          idMaps: OWN_ID,
        },
        features,
      ),
    );

  /** The program with each operation of init replaced by what `change` gives for it. */
  const spoil = (program: Program, change: (op: Op, name: string, index: number) => readonly Op[]): Program => ({
    ...program,
    blocks: program.blocks.map((block) =>
      block.name === "init"
        ? { ...block, ops: block.ops.flatMap((op, index) => change(op, nameOf(program, op), index)) }
        : block,
    ),
  });
  const without = (wanted: (op: Op, name: string) => boolean) =>
    spoil(good(), (op, name) => (wanted(op, name) ? [] : [op]));
  const initOf = (program: Program) => program.blocks.find(({ name }) => name === "init")?.ops ?? [];
  const find = (program: Program, wanted: string, member = "") => {
    const op = initOf(program).findLast((one) => nameOf(program, one) === wanted && one.member.startsWith(member));
    if (!op) throw new Error(`no ${wanted} in the program`);
    return op;
  };
  const insertBefore = (program: Program, place: Op, added: Op) =>
    spoil(program, (op) => (op === place ? [added, op] : [op]));

  it("which is good itself", () => {
    expect(verifyProgram(good())).toEqual([]);
    expect(verifyProgram(good(true))).toEqual([]);
  });

  it("without an init block", () => {
    expect(verifyProgram({ ...good(), blocks: [] })).toEqual(["there is no init block"]);
  });

  it("a descriptor that would stay open", () => {
    const program = spoil(good(), (op, name) => [
      name === "openat" ? { ...op, args: [op.args[0] ?? 0, op.args[1] ?? 0, 0, 0] } : op,
    ]);
    expect(verifyProgram(program).join()).toContain("openat without O_CLOEXEC");
  });

  it("descriptors not closed", () => {
    expect(verifyProgram(without((_, name) => name === "close_range"))).toContain(
      "inherited descriptors are not closed before execve",
    );
  });

  it("the working directory not checked", () => {
    expect(verifyProgram(without((op, name) => name === "EXPECT" && op.member === "process.cwd"))).toContain(
      "the working directory is not checked after the last chdir",
    );
  });

  it("a write to /proc by a path of the container", () => {
    const program = good();
    const opened = find(program, "openat", "process");
    const path = find(program, "chdir", "process.cwd").args[0] ?? 0;
    const added = { ...opened, args: [-100, path, 0o2000001, 0], member: "sysctl.kernel.x" };
    expect(verifyProgram(insertBefore(program, opened, added)).join()).toContain(
      "for writing outside the verified procfs",
    );
  });

  it("a privileged call after the capabilities are gone", () => {
    const program = good();
    const added = find(program, "mount");
    expect(verifyProgram(insertBefore(program, find(program, "execve"), added)).join()).toContain("mount after capset");
  });

  it("a call between the seccomp filter and the command", () => {
    const program = good();
    const added = find(program, "close");
    expect(verifyProgram(insertBefore(program, find(program, "execve"), added)).join()).toContain(
      "close after the seccomp filter",
    );
  });

  it("the old root not detached", () => {
    expect(verifyProgram(without((_, name) => name === "umount2"))).toContain("the old root is not detached");
    expect(verifyProgram(without((_, name) => name === "umount2" || name === "pivot_root"))).toContain(
      "the old root is never left",
    );
  });

  it("the host's /proc left below a root that is moved", () => {
    const spec = { ...base, rootMode: "move" } as const;
    const moved = compileContainer(resolvedBy({ spec, ...(plan ? { root: plan } : {}) }, features));
    expect(verifyProgram(moved)).toEqual([]);
    const left = spoil(moved, (op, name) => (name === "umount2" ? [] : [op]));
    expect(verifyProgram(left)).toEqual(["the host's /proc stays mounted below the moved root"]);
    const early = spoil(moved, (op) => (op.args[3] === 8192 && op.member === "root" ? [] : [op]));
    expect(verifyProgram(early)).toContain("the old root is never left");
  });

  it("a mount on a container path before the root is entered", () => {
    const program = good();
    const enter = initOf(program).find((op) => nameOf(program, op) === "chroot");
    if (!enter) throw new Error("no chroot in the program");
    expect(verifyProgram(insertBefore(program, enter, find(program, "mount", "mounts"))).join()).toContain(
      "before the root is entered",
    );
  });

  it("a mount on a container path when the old root lies over the new one", () => {
    const program = good();
    const added = find(program, "mount", "mounts");
    expect(verifyProgram(insertBefore(program, find(program, "umount2"), added)).join()).toContain(
      "while the old root can be reached",
    );
  });

  it("the old root used for anything but leaving it", () => {
    const program = good();
    const leave = find(program, "umount2");
    const old = initOf(program).find(({ dst }) => dst?.name === "old_root")?.dst;
    if (!old) throw new Error("no old root in the program");
    const added = { ...find(program, "openat"), args: [old, 0, 0o2000000, 0], member: "root" };
    expect(verifyProgram(insertBefore(program, leave, added)).join()).toContain("openat uses the old root");
  });

  it("something made by a path of the container, or in a directory that was not checked", () => {
    const unchecked = without((op, name) => name === "EXPECT" && op.nr === E.EXDEV && !op.member.startsWith("process"));
    expect(verifyProgram(unchecked).join()).toContain("in a directory that was not checked");
    const byPath = spoil(good(), (op, name) => [
      name === "mknodat"
        ? { ...op, args: [op.args[0] ?? 0, find(good(), "mount", "mounts").args[1] ?? 0, op.args[2] ?? 0, 0] }
        : op,
    ]);
    expect(verifyProgram(byPath).join()).toContain("by a path");
  });

  it("a device node made in a user namespace", () => {
    const node = find(good(), "mknodat", "devices");
    const program = good(true);
    const path = find(program, "mkdirat", "mounts").args[1] ?? 0;
    const added = { ...node, args: [-100, path, node.args[2] ?? 0, 0] };
    expect(verifyProgram(insertBefore(program, find(program, "umount2"), added)).join()).toContain(
      "mknod of a device in a user namespace",
    );
  });

  it("a read-only root that a later remount makes writable", () => {
    const sandbox = ROOT_PLANS.sandbox;
    const program = compileContainer(
      resolvedBy({ spec: base, ...(sandbox ? { root: sandbox } : {}) }, kernelFeatures("4.19")),
    );
    expect(verifyProgram(program)).toEqual([]);
    const remount = find(program, "mount", "devices");
    const writable = { ...remount, args: remount.args.map((arg, index) => (index === 3 ? Number(arg) & ~1 : arg)) };
    const spoiled = spoil(program, (op) => [op === remount ? writable : op]);
    expect(verifyProgram(spoiled).join()).toContain("loses its being read-only");
  });
});
