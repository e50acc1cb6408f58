import { describe, expect, it } from "vitest";
import { resolveContainer } from "../../src/host/resolve.ts";
import { kernelFeatures } from "../../src/linux/index.ts";

const all = [{ start: 0, count: 4294967295 }];
const caller = {
  uid: 0,
  gid: 0,
  privileged: true,
  initialUserNamespace: true,
  maySetgroups: true,
  ids: { uid: all, gid: all },
  subordinate: { uid: [], gid: [] },
};
const streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
const resolved = (kernel: string, landlock: object) =>
  resolveContainer({}, { args: ["true"], noNewPrivileges: true, landlock }, streams, {
    features: kernelFeatures(kernel),
    caller,
    scratch: "/run/scratch",
    stateDirectory: async () => "/run/libct",
    runner: {
      run() {
        throw new Error("nothing is to be looked for");
      },
    },
  });

describe("Landlock is refused where it would let through what is not listed", () => {
  it("before Linux 6.2, which can refuse truncation", async () => {
    await expect(resolved("5.10", {})).rejects.toThrow("Landlock is not available");
    await expect(resolved("6.1", {})).rejects.toThrow("lets files be truncated");
    await expect(resolved("6.2", {})).resolves.toBeDefined();
  });

  it("before Linux 6.7, where ports are listed", async () => {
    await expect(resolved("6.6", { connectTcp: [443] })).rejects.toThrow("knows no ports");
    await expect(resolved("6.7", { connectTcp: [443] })).resolves.toBeDefined();
  });
});
