import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failures, joined, page, readOutcome, table } from "../../scripts/kernels/outcome.ts";

let results: string;
beforeAll(() => {
  results = mkdtempSync(join(tmpdir(), "libct-test-results-"));
  const report = {
    testResults: [
      {
        name: "/project/a.test.ts",
        status: "failed",
        assertionResults: [
          { status: "passed", fullName: "a works" },
          { status: "failed", fullName: "a breaks" },
          { status: "skipped", fullName: "a is left out" },
          { status: "todo", fullName: "a comes later" },
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
    "stderr | a.test.ts\nSKIPPED: time is missing: why\nSKIPPED: Landlock is missing: why\n\nstdout | c.test.ts > c\nSKIPPED: time is missing: why\n",
  );
});
afterAll(() => rmSync(results, { recursive: true }));

describe("the outcome of tests on a kernel", () => {
  const outcome = () => readOutcome("bullseye", results, "/project/", 12);

  it("has for each file the tests that failed, or the file when it could not be loaded, and why tests were skipped", () => {
    const nothing = { passed: 0, skipped: 0, failed: [], reasons: [], minutes: 4 };
    expect(outcome()).toEqual({
      debian: "bullseye",
      kernel: "5.10.46",
      files: {
        "a.test.ts": {
          ...nothing,
          passed: 1,
          skipped: 2,
          failed: ["a breaks"],
          reasons: ["Landlock is missing: why", "time is missing: why"],
        },
        "b.test.ts": { ...nothing, failed: ["b.test.ts"] },
        "c.test.ts": { ...nothing, passed: 1, reasons: ["time is missing: why"] },
      },
    });
  });

  it("is a row of the table and a list on the page, with the files that were not run", () => {
    expect(table([outcome()])).toContain("| 5.10.46 | bullseye |     3 |      2 |      2 |       2 |      12 |");
    expect(page([outcome()], ["a.test.ts", "test/d.test.ts"])).toContain(
      "- failed: a breaks\n- failed: b.test.ts\n- skipped: Landlock is missing: why\n- skipped: time is missing: why\n- not run: d\n",
    );
    expect(page([{ ...outcome(), files: {} }], [])).toContain("Everything passes.");
  });

  it("of parts is that of each file's last run, on the same kernel", () => {
    const { files, ...rest } = outcome();
    const { "a.test.ts": first, ...others } = files;
    const mended = { ...rest, files: { "a.test.ts": { ...first, failed: [] } } } as ReturnType<typeof outcome>;
    expect(failures(joined(outcome(), mended))).toEqual(["b.test.ts"]);
    expect(joined({ ...outcome(), kernel: "5.9" }, mended)).toEqual(mended);
    expect(Object.keys(joined({ ...rest, files: others }, mended).files)).toHaveLength(3);
  });
});
