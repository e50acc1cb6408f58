import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { page, readOutcome, table } from "../../scripts/kernels/outcome.ts";

let results: string;
beforeAll(() => {
  results = mkdtempSync(join(tmpdir(), "libct-test-results-"));
  const report = {
    numPassedTests: 2,
    numPendingTests: 3,
    numTodoTests: 1,
    testResults: [
      {
        name: "/project/a.test.ts",
        status: "failed",
        assertionResults: [
          { status: "passed", fullName: "a works" },
          { status: "failed", fullName: "a breaks" },
        ],
      },
      { name: "/project/b.test.ts", status: "failed", assertionResults: [] },
      { name: "/project/c.test.ts", status: "passed", assertionResults: [{ status: "passed", fullName: "c works" }] },
    ],
  };
  writeFileSync(join(results, "report.json"), JSON.stringify(report));
  writeFileSync(join(results, "release"), "5.10.46\n");
  writeFileSync(
    join(results, "log"),
    "noise\nSKIPPED: time is missing: why\nSKIPPED: Landlock is missing: why\nSKIPPED: time is missing: why\n",
  );
});
afterAll(() => rmSync(results, { recursive: true }));

describe("the outcome of tests on a kernel", () => {
  it("has the tests that failed, files that could not be loaded, and each reason of a skip once", () => {
    expect(readOutcome("bullseye", results, "/project/", 12.4)).toEqual({
      debian: "bullseye",
      kernel: "5.10.46",
      passed: 2,
      skipped: 4,
      failed: ["a breaks", "b.test.ts"],
      reasons: ["Landlock is missing: why", "time is missing: why"],
      minutes: 12.4,
    });
  });

  it("is a row of the table and a list on the page", () => {
    const outcome = readOutcome("bullseye", results, "/project/", 12.4);
    expect(table([outcome])).toContain("| 5.10.46 | bullseye |      2 |      2 |       4 |      12 |");
    expect(page([outcome])).toContain("- failed: a breaks\n- failed: b.test.ts\n- skipped: Landlock is missing: why");
    expect(page([{ ...outcome, failed: [], reasons: [] }])).toContain("Everything passes.");
  });
});
