import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { installed, requires } from "../support/prerequisite.ts";

const script = fileURLToPath(new URL("../../scripts/fuzz-executor.sh", import.meta.url));

describe.runIf(requires("clang", installed("clang"), "its libFuzzer and sanitizers"))(
  "the executor under the sanitizers",
  () => {
    it("survives some seconds of random programs", () => {
      const { status, stderr } = spawnSync(script, ["5"], { encoding: "utf8" });
      expect(stderr).toContain("DONE");
      expect(stderr).not.toContain("ERROR");
      expect(status).toBe(0);
    });
  },
);
