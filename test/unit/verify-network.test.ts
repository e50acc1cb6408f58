import { describe, expect, it } from "vitest";
import { compileContainer } from "../../src/compile/index.ts";
import { kernelFeatures } from "../../src/linux/index.ts";
import { type Program, verifyProgram } from "../../src/program/index.ts";
import { standard } from "../../src/spec/index.ts";
import { resolvedBy } from "../support/arbitrary-spec.ts";
import { NIC_PLANS } from "../support/nic-plans.ts";

const RECORD = { directory: "/run/libct/containers/web", autoRemove: false, held: false, logSize: 1 << 20 };

const compile = (worker: "monitor" | "init", restart?: { readonly outlives: boolean }): Program => {
  const plans =
    worker === "monitor"
      ? NIC_PLANS
      : NIC_PLANS.slice(1).filter(({ setUp }) =>
          setUp.every((step) => !("place" in step) || step.place === "container"),
        );
  return compileContainer(
    resolvedBy(
      {
        spec: standard({ userNamespace: false }),
        nics: { plans, worker, scratch: "/run/libct/scratch" },
        ...(restart ? { record: { ...RECORD, ...restart, restart: { onFailure: false, most: 0 } } } : {}),
      },
      kernelFeatures("6.12"),
    ),
  );
};
/** The program with some of a block's operations changed. */
const changed = (
  block: string,
  change: (ops: Program["blocks"][number]["ops"]) => Program["blocks"][number]["ops"],
): readonly string[] => {
  const program = compile("monitor");
  const blocks = program.blocks.map((one) =>
    one.name === block ? { index: one.index, name: one.name, ops: change(one.ops) } : one,
  );
  return verifyProgram({ ...program, blocks });
};

describe("a program that makes interfaces", () => {
  it("holds what it must, whoever makes them", () => {
    expect(verifyProgram(compile("monitor"))).toEqual([]);
    expect(verifyProgram(compile("init"))).toEqual([]);
  });

  it("holds it from one run to the next when the container is started again", () => {
    const holds = (program: Program) =>
      program.blocks.flatMap(({ ops }) => ops.filter(({ why }) => why === "hold it from one run to the next")).length;
    const again = compile("monitor", { outlives: true });
    expect(verifyProgram(again)).toEqual([]);
    expect(holds(again)).toBeGreaterThan(0);
    expect(holds(compile("monitor"))).toBe(0);
  });

  it("tells its end when ports are gone, without waiting for the kernel to have freed them, unless it is run again", () => {
    const last = (program: Program) => program.epilogue?.ops.slice(-2).map(({ op }) => op);
    expect(last(compile("monitor"))).toEqual(["DONE", "SYSCALL"]);
    expect(last(compile("monitor", { outlives: true }))).not.toContain("DONE");
    const found = changed("epilogue", (ops) => [...ops.filter(({ op }) => op === "DONE"), ...ops]);
    expect(found).toEqual([expect.stringMatching(/^epilogue\[0\]: done before something that may fail$/)]);
  });

  it("must come back from the container's network namespace", () => {
    const found = changed("monitor", (ops) =>
      ops.map((op) => (op.why === "come back" ? { ...op, args: [-1, 0] } : op)),
    );
    expect(found).toContain("the monitor stays in the container's network namespace");
  });

  it("must not wait for answers of the kernel", () => {
    const found = changed("monitor", (ops) =>
      ops.map((op) => (op.args[3] === 0x40 ? { ...op, args: [...op.args.slice(0, 3), 0, 0, 0] } : op)),
    );
    expect(found.join()).toContain("waits for an answer of netlink");
  });

  it("must leave nothing of the host's network to init", () => {
    const found = changed("init", (ops) =>
      ops.map((op) => (op.member === "nics" && op.op === "SYSCALL" ? { ...op, args: [-1] } : op)),
    );
    expect(found).toContain("init has descriptors of the host's network");
  });
});
