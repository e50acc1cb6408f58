import { expect, it } from "vitest";
import { compileNetChange } from "../../src/compile/index.ts";
import { kernelFeatures, syscallNumber } from "../../src/linux/index.ts";

it("somebody who stays for a container's end makes nothing before the container was seen", () => {
  const program = compileNetChange({
    arch: "x86_64",
    features: kernelFeatures("4.19"),
    target: "1/fd/9",
    pid: 42,
    userFirst: false,
    steps: [],
    tearDown: [],
    scratch: "/run/libct/scratch",
    keep: "/run/libct/nics/one",
  });
  const ops = program.blocks.find(({ name }) => name === "change")?.ops ?? [];
  const at = (name: string) => ops.findIndex(({ nr, op }) => op === "SYSCALL" && nr === syscallNumber("x86_64", name));
  expect(at("pidfd_open")).toBeGreaterThan(0);
  expect(at("pidfd_open")).toBeLessThan(at("mkdirat"));
});
