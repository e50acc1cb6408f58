import { describe, expect, it } from "vitest";
import { compileContainer } from "../../src/compile/index.ts";
import { kernelFeatures, syscallName } from "../../src/linux/index.ts";
import { resolvedBy } from "../support/arbitrary-spec.ts";

/** The calls of init's block, up to the first mount point that is made. */
function stepsFor(user: { uid: number; gid: number } | undefined): readonly string[] {
  const spec = { namespaces: [{ type: "user", path: "/proc/1/ns/user" }, "mount"] } as const;
  const process = { args: ["/bin/true"], ...(user ? { user } : {}) };
  const { blocks, arch } = compileContainer(resolvedBy({ spec, process }, kernelFeatures("6.12")));
  const names = (blocks.find(({ name }) => name === "init")?.ops ?? []).map(({ op, nr }) =>
    op === "SYSCALL" ? (syscallName(arch, nr) ?? "?") : op,
  );
  return names.slice(0, names.indexOf("setsid"));
}

describe("in a user namespace that is joined", () => {
  it("the set-up runs as its root, since the caller has no id there to make files with", () => {
    expect(stepsFor({ uid: 0, gid: 0 }).slice(-3)).toEqual(["setgroups", "setresgid", "setresuid"]);
  });

  it("a command that runs as nobody in particular stays its caller's", () => {
    expect(stepsFor(undefined)).not.toContain("setresuid");
  });
});
