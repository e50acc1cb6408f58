import { describe, expect, it } from "vitest";
import { compileContainer } from "../../src/compile/index.ts";
import { kernelFeatures, syscallName } from "../../src/linux/index.ts";
import { resolvedBy } from "../support/arbitrary-spec.ts";

/** Of a block, in their order: the calls that a filter's place is judged by. */
function order(noNewPrivileges: boolean): Readonly<Record<string, readonly string[]>> {
  const spec = {
    seccomp: { defaultAction: "SCMP_ACT_ALLOW" },
    hooks: { startContainer: [{ path: "/hook" }] },
  } as const;
  const process = { args: ["/bin/true"], noNewPrivileges };
  const { blocks, arch } = compileContainer(resolvedBy({ spec, process }, kernelFeatures("6.12")));
  const wanted = ["close_range", "seccomp", "execve", "SPAWN"];
  return Object.fromEntries(
    blocks.map(({ name, ops }) => [
      name,
      ops
        .map(({ op, nr }) => (op === "SYSCALL" ? (syscallName(arch, nr) ?? "?") : op))
        .filter((call) => wanted.includes(call)),
    ]),
  );
}

describe("a filter may be older than close_range, and refuse it", () => {
  it("so descriptors are marked before one that has to come early, and a hook that starts under it does not do it again", () => {
    const { init, hook } = order(false);
    expect(init).toEqual(["close_range", "seccomp", "SPAWN", "execve"]);
    expect(hook).toEqual(["execve"]);
  });

  it("with no_new_privs it comes last, after hooks have closed what they inherit", () => {
    const { init, hook } = order(true);
    expect(init).toEqual(["SPAWN", "close_range", "seccomp", "execve"]);
    expect(hook).toEqual(["close_range", "execve"]);
  });
});
