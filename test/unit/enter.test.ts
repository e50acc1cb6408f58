import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileEnter, type ResolvedEntry } from "../../src/compile/index.ts";
import { explainProgram } from "../../src/explain/index.ts";
import { kernelFeatures, PR, syscallName } from "../../src/linux/index.ts";
import { encodeProgram, type Op, type Program, verifyProgram } from "../../src/program/index.ts";
import { standard } from "../../src/spec/index.ts";
import { arbitraryEntry, entry } from "../support/arbitrary-entry.ts";
import { KERNELS, OWN_ID } from "../support/arbitrary-spec.ts";
import { golden } from "../support/golden.ts";

const nameOf = (program: Program, op: Op) =>
  op.op === "SYSCALL" ? (syscallName(program.arch, op.nr) ?? "?") : op.op === "SPAWN" && op.flags ? "clone3" : op.op;

for (const kernel of KERNELS) {
  const features = kernelFeatures(kernel);
  const check = (property: (program: Program, resolved: ResolvedEntry) => void) =>
    fc.assert(
      fc.property(arbitraryEntry(features), (resolved) => {
        property(compileEnter(resolved), resolved);
      }),
      { numRuns: 150 },
    );

  describe(`any process that enters a container on Linux ${kernel}`, () => {
    it("keeps every security property", () => {
      check((program) => expect(verifyProgram(program)).toEqual([]));
    });

    it("joins each namespace that it is to enter once, and no other", () => {
      check((program, { namespaces }) => {
        const calls = program.blocks.flatMap(({ ops }) => ops.map((op) => nameOf(program, op)));
        expect(calls.filter((name) => name === "setns")).toHaveLength(namespaces.size);
      });
    });

    it("becomes the same bytes each time, and a listing", () => {
      check((program, resolved) => {
        expect(Buffer.compare(encodeProgram(compileEnter(resolved)), encodeProgram(program))).toBe(0);
        expect(explainProgram(program).lines.length).toBeGreaterThanOrEqual(program.blocks.length);
      });
    });
  });
}

describe("the listing of a process that enters a container is the one that was reviewed", () => {
  const ENTRIES: Readonly<Record<string, Partial<ResolvedEntry>>> = {
    "enter-root": {
      process: { ...standard({ userNamespace: false }).process, args: ["ps"], user: "app" },
      cgroups: [{ path: "/sys/fs/cgroup/pids/libct-1", version: 1 }],
    },
    "enter-userns": {
      process: { ...standard({ userNamespace: true }).process, args: ["ps"], user: { uid: 0, gid: 0 } },
      namespaces: new Set(["user", "mount", "pid", "ipc", "uts", "cgroup", "network"]),
      userFirst: true,
      idMaps: OWN_ID,
    },
    "enter-scope": {
      namespaces: new Set(["user", "pid"]),
      userFirst: true,
      idMaps: OWN_ID,
      root: undefined,
      attach: { scope: { manager: "user", unit: "libct-1.scope", slice: "user.slice" }, below: "" },
    },
    "enter-chroot": { namespaces: new Set(), chroot: true, keepRunning: true, stdout: "ignore", stderr: "ignore" },
  };
  for (const [name, differences] of Object.entries(ENTRIES)) {
    for (const kernel of ["4.19", "6.12"]) {
      it(`${name} on Linux ${kernel}`, () => {
        const listing = explainProgram(compileEnter(entry(kernelFeatures(kernel), differences))).toString();
        expect(listing).toBe(golden(`${name}-${kernel}`, listing));
      });
    }
  }
});

describe("a good program with one thing spoiled is found out", () => {
  const good = compileEnter(
    entry(kernelFeatures("6.12"), {
      process: { args: ["ps"], user: "app", cwd: "/data" },
      cgroups: [{ path: "/sys/fs/cgroup/pids/libct-1", version: 1 }],
    }),
  );
  /** Each operation of all blocks replaced by what `change` gives for it. */
  const spoil = (change: (op: Op, name: string, block: string) => readonly Op[]): Program => ({
    ...good,
    blocks: good.blocks.map((block) => ({
      ...block,
      ops: block.ops.flatMap((op) => change(op, nameOf(good, op), block.name)),
    })),
  });
  const without = (wanted: (op: Op, name: string, block: string) => boolean) =>
    verifyProgram(spoil((op, name, block) => (wanted(op, name, block) ? [] : [op]))).join();
  const find = (block: string, wanted: (op: Op, name: string) => boolean): Op => {
    const op = good.blocks.find(({ name }) => name === block)?.ops.find((one) => wanted(one, nameOf(good, one)));
    if (!op) throw new Error("no such operation");
    return op;
  };
  const isRegister = (op: Op, name: string) =>
    typeof op.args[0] === "object" && "name" in op.args[0] && op.args[0].name === name;

  it("which is good itself", () => {
    expect(verifyProgram(good)).toEqual([]);
  });

  it("dumpable when it joins the container, or again later", () => {
    const isDumpable = (op: Op, name: string) => name === "prctl" && op.args[0] === PR.SET_DUMPABLE;
    expect(without(isDumpable)).toContain("dumpable when it joins");
    const again = { ...find("stage", isDumpable), args: [PR.SET_DUMPABLE, 1, 0, 0, 0] };
    const program = spoil((op, name) => (name === "execve" ? [again, op] : [op]));
    expect(verifyProgram(program).join()).toContain("makes the process dumpable");
  });

  it("a file of the first process opened when a namespace is joined already", () => {
    const opened = find("stage", (op, name) => name === "openat" && isRegister(op, "target"));
    const program = spoil((op, name, block) => (block === "entered" && name === "setsid" ? [opened, op] : [op]));
    expect(verifyProgram(program).join()).toContain("after a namespace was joined");
  });

  it("a cgroup entered late", () => {
    const write = find("stage", (op) => op.member === "resources" && op.dst === undefined);
    const program = spoil((op, name, block) => (block === "entered" && name === "setsid" ? [write, op] : [op]));
    expect(verifyProgram(program).join()).toContain("the cgroup is entered after a namespace");
  });

  it("the monitor in the container", () => {
    const setns = find("stage", (_, name) => name === "setns");
    const program = spoil((op, name, block) => (block === "monitor" && name === "SUPERVISE" ? [setns, op] : [op]));
    expect(verifyProgram(program).join()).toContain("the monitor joins a namespace");
  });

  it("a descriptor of the host left for links to /proc/self/fd", () => {
    expect(without((op, name, block) => block === "entered" && name === "close" && isRegister(op, "target"))).toContain(
      "target is still open",
    );
    expect(without((op, name, block) => block === "entered" && name === "close" && isRegister(op, "proc"))).toContain(
      "proc is still open",
    );
  });

  it("a file of the container that may be a FIFO opened with waiting", () => {
    const program = spoil((op, name, block) => [
      block === "entered" && name === "openat"
        ? { ...op, args: op.args.map((arg, at) => (at === 2 ? 0o2000000 : arg)) }
        : op,
    ]);
    expect(verifyProgram(program).join()).toContain("opens /etc/passwd, which may block");
  });

  it("the working directory not checked", () => {
    expect(without((op, name) => name === "EXPECT" && op.member === "process.cwd")).toContain(
      "the working directory is not seen to lie in the container",
    );
  });
});
