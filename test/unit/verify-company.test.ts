import { describe, expect, it } from "vitest";
import { compileContainer } from "../../src/compile/index.ts";
import { E, kernelFeatures, syscallName } from "../../src/linux/index.ts";
import { planPasta } from "../../src/net/user-mode/pasta.ts";
import { type Op, type Program, verifyProgram } from "../../src/program/index.ts";
import { type ContainerSpec, standard, validateSpec } from "../../src/spec/index.ts";
import { ROOT_PLANS, resolvedBy } from "../support/arbitrary-spec.ts";

const features = kernelFeatures("6.12");
const PLAIN = standard({ userNamespace: false });
const SHARED: ContainerSpec = {
  ...PLAIN,
  namespaces: [...(PLAIN.namespaces ?? []).filter((one) => one !== "pid"), { type: "pid", path: "/proc/1000/ns/pid" }],
  process: { ...PLAIN.process, oomScoreAdj: 100 },
};
const record = { outlives: true, autoRemove: false, held: true, logSize: 0, restart: undefined };

function compiled(spec: ContainerSpec, held = false): Program {
  const resolved = resolvedBy({ spec, ...(ROOT_PLANS.dir ? { root: ROOT_PLANS.dir } : {}) }, features);
  const more = held ? { record: { ...record, directory: "/run/libct/containers/x" }, orphan: true } : {};
  return compileContainer({ ...resolved, ...more });
}

const nameOf = (program: Program, op: Op) => (op.op === "SYSCALL" ? syscallName(program.arch, op.nr) : op.op);
const without = (program: Program, wanted: (op: Op, name: string | undefined) => boolean): Program => ({
  ...program,
  blocks: program.blocks.map((block) => ({
    ...block,
    ops: block.ops.filter((op) => !wanted(op, nameOf(program, op))),
  })),
});
const closes = (register: string) => (op: Op, name: string | undefined) => {
  const [fd] = op.args;
  return name === "close" && typeof fd === "object" && "name" in fd && fd.name === register;
};

describe("a container that others look at while it is made", () => {
  it("keeps every property", () => {
    for (const spec of [PLAIN, SHARED]) {
      for (const held of [false, true]) expect(verifyProgram(compiled(spec, held))).toEqual([]);
    }
  });

  it("has let go of the host's procfs when its privileges go", () => {
    expect(verifyProgram(without(compiled(PLAIN), closes("proc")))).toContain(
      "the host's procfs is still open when the privileges go",
    );
  });

  it("has nothing but its streams while it waits to be started", () => {
    for (const register of ["record", "sync_child"]) {
      expect(verifyProgram(without(compiled(PLAIN, true), closes(register)))).toContain(
        "a container that waits to be started has more than its streams",
      );
    }
    const command = without(compiled(PLAIN, true), (op, name) => name === "close" && op.args[0] === 4);
    expect(verifyProgram(command)).toContain("a container that waits to be started has more than its streams");
  });

  it("cannot be traced in a pid namespace that it joins", () => {
    const dumpable = without(compiled(SHARED), (op, name) => name === "prctl" && op.args[0] === 4);
    expect(verifyProgram(dumpable)).toContain("others in the pid namespace can trace the container");
  });

  it("has no helper that joins its user namespace and can be traced there", () => {
    const spec = validateSpec({
      namespaces: ["user", "mount", "network"],
      root: "/x",
      nics: { eth0: { type: "pasta" } },
    });
    const resolved = resolvedBy({ spec, ...(ROOT_PLANS.dir ? { root: ROOT_PLANS.dir } : {}) }, features);
    const { setUp } = planPasta({ type: "pasta" }, { name: "eth0", program: "/usr/bin/pasta", root: true, ports: [] });
    const plans = [{ member: "nics.eth0", setUp }];
    const program = compileContainer({
      ...resolved,
      nics: { plans, worker: "monitor", scratch: "/run/libct/scratch" },
    });
    expect(verifyProgram(program)).toEqual([]);
    const dumpable = without(program, (op, name) => name === "prctl" && op.args[0] === 4);
    expect(verifyProgram(dumpable).join()).toMatch(/network\[\d+\]: can be traced by the user namespace that it joins/);
  });

  it("mounts /proc and /sys through no link", () => {
    const blind = without(compiled(PLAIN), (op, name) => name === "EXPECT" && op.nr === E.ELOOP);
    expect(verifyProgram(blind).join()).toContain("without a look whether it goes through a link");
  });
});
