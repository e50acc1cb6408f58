import { describe, expect, it } from "vitest";
import { execute } from "../../src/compile/net-programs.ts";
import { E, kernelFeatures } from "../../src/linux/index.ts";
import { ProgramBuilder } from "../../src/program/index.ts";

describe("a program that is executed for an interface", () => {
  const compiled = (kernel: string) => {
    const program = new ProgramBuilder("x86_64");
    const context = { program, resolved: { features: kernelFeatures(kernel) } };
    execute(context, program.block("monitor"), {
      do: "execute",
      path: "/plugin",
      env: {},
      input: "/in",
      output: "/out",
      errors: "/errors",
      timeout: 10,
      why: "add it",
    });
    return program.finish();
  };

  // A seccomp filter around libct may deny pidfd_open on any kernel: it was an error in the middle, and again when it was undone.
  it.each(["4.19", "6.12"])("is waited for without a limit where nothing tells of its end: %s", (kernel) => {
    const [monitor] = compiled(kernel).blocks;
    const ops = monitor?.ops ?? [];
    const open = ops.find(({ jumpErrnos }) => jumpErrnos.length > 0);
    expect(open?.jumpErrnos).toEqual([E.ENOSYS]);
    expect(ops[open?.target?.index ?? -1]).toMatchObject({ op: "SYSCALL", why: "add it" });
  });
});
