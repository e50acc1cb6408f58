import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileChange, type LiveChange, type ResolvedChange } from "../../src/compile/index.ts";
import { explainProgram } from "../../src/explain/index.ts";
import { kernelFeatures, PR, syscallName } from "../../src/linux/index.ts";
import { encodeProgram, type Op, type Program, verifyProgram } from "../../src/program/index.ts";
import { arbitraryChange, resolvedChange } from "../support/arbitrary-change.ts";
import { KERNELS, OWN_ID, resolvedMount } from "../support/arbitrary-spec.ts";
import { golden } from "../support/golden.ts";

for (const kernel of KERNELS) {
  const features = kernelFeatures(kernel);
  describe(`any change of a container that runs, on Linux ${kernel}`, () => {
    it("keeps every security property, and becomes the same bytes each time", () => {
      fc.assert(
        fc.property(arbitraryChange(features), (resolved) => {
          const program = compileChange(resolved);
          expect(verifyProgram(program)).toEqual([]);
          expect(Buffer.compare(encodeProgram(compileChange(resolved)), encodeProgram(program))).toBe(0);
        }),
        { numRuns: 200 },
      );
    });
  });
}

const bind = { destination: "/srv/data", source: "/srv/data", options: ["rbind", "ro", "rslave"] };
const CHANGES: Readonly<Record<string, readonly [LiveChange, Partial<ResolvedChange>]>> = {
  "live-bind": [{ do: "mount", mount: resolvedMount(bind, 0) }, {}],
  "live-bind-user": [
    { do: "mount", mount: resolvedMount(bind, 0) },
    { namespaces: new Set(["user", "mount", "pid"]), userFirst: true, idMaps: OWN_ID },
  ],
  "live-sysctl": [{ do: "setSysctl", values: { "net.ipv4.ip_forward": "1" } }, { namespaces: new Set(["network"]) }],
};

describe("the listing of a change is the one that was reviewed", () => {
  for (const [name, [change, differences]] of Object.entries(CHANGES)) {
    for (const kernel of ["5.10", "6.12"]) {
      it(`${name} on Linux ${kernel}`, () => {
        const program = compileChange(resolvedChange(kernelFeatures(kernel), change, differences));
        const listing = explainProgram(program).toString();
        expect(listing).toBe(golden(`${name}-${kernel}`, listing));
      });
    }
  }
});

describe("a good change with one thing spoiled is found out", () => {
  const [change, differences] = CHANGES["live-bind"] ?? [];
  if (!change) throw new Error("no such change");
  const good = compileChange(resolvedChange(kernelFeatures("6.12"), change, differences));
  const nameOf = (op: Op) => (op.op === "SYSCALL" ? (syscallName(good.arch, op.nr) ?? "?") : op.op);
  const spoil = (keep: (op: Op, name: string, block: string) => boolean): Program => ({
    ...good,
    blocks: good.blocks.map((block) => ({
      ...block,
      ops: block.ops.filter((op) => keep(op, nameOf(op), block.name)),
    })),
  });

  it("which is good itself", () => {
    expect(verifyProgram(good)).toEqual([]);
  });

  it("dumpable in the container", () => {
    const program = spoil((op, name) => !(name === "prctl" && op.args[0] === PR.SET_DUMPABLE));
    expect(verifyProgram(program).join()).toContain("dumpable when it joins");
  });

  it("a target made in a directory that was not seen to lie inside", () => {
    const program = spoil((_, name, block) => !(block === "attempt" && name === "EXPECT"));
    expect(verifyProgram(program).join()).toContain("in a directory that was not checked");
  });
});
