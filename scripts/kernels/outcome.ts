// What came of the system tests on one kernel, and how it is shown.
import { readFileSync } from "node:fs";

/** What vitest's JSON reporter writes, as far as it is used. */
interface Report {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export interface Outcome {
  /** Debian's name of the release that the kernel is from. */
  readonly debian: string;
  /** uname -r */
  readonly kernel: string;
  readonly passed: number;
  readonly skipped: number;
  /** Names of the tests, or of files that could not be loaded. */
  readonly failed: readonly string[];
  /** Why tests were skipped. */
  readonly reasons: readonly string[];
  readonly minutes: number;
}

/** Reads what the guest has written to its results. Files are named from the project, whose path ends with a slash. */
export function readOutcome(debian: string, results: string, project: string, minutes: number): Outcome {
  const report = JSON.parse(readFileSync(`${results}/report.json`, "utf8")) as Report;
  const reasons = [...readFileSync(`${results}/log`, "utf8").matchAll(/^SKIPPED: (.*)$/gm)].map(
    ([, text]) => text ?? "",
  );
  return {
    debian,
    kernel: readFileSync(`${results}/release`, "utf8").trim(),
    passed: report.numPassedTests,
    skipped: report.numPendingTests + report.numTodoTests,
    failed: report.testResults.flatMap(({ name, status, assertionResults }) => {
      const failed = assertionResults.filter((test) => test.status === "failed").map(({ fullName }) => fullName);
      return status === "failed" && assertionResults.length === 0 ? [name.replace(project, "")] : failed;
    }),
    reasons: [...new Set(reasons)].sort(),
    minutes,
  };
}

const HEADINGS = ["kernel", "Debian", "passed", "failed", "skipped", "minutes"];
/** Columns of words are at the left, those of numbers at the right. */
const WORDS = 2;

export function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ debian, kernel, passed, failed, skipped, minutes }) =>
    [kernel, debian, passed, failed.length, skipped, minutes.toFixed(0)].map(String),
  );
  const widths = HEADINGS.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const pad = (cells: readonly string[]) =>
    line(cells.map((cell, at) => (at < WORDS ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))));
  const rule = line(widths.map((width, at) => (at < WORDS ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)));
  return [pad(HEADINGS), rule, ...rows.map(pad)].join("\n");
}

/** docs/kernels.md */
export function page(outcomes: readonly Outcome[]): string {
  const details = outcomes.map(({ kernel, failed, reasons }) => {
    const items = [...failed.map((name) => `failed: ${name}`), ...reasons.map((reason) => `skipped: ${reason}`)];
    return `## ${kernel}\n\n${items.length === 0 ? "Everything passes." : items.map((item) => `- ${item}`).join("\n")}\n`;
  });
  return `# Kernels

Written by \`npm run test:kernels\`, which boots user-mode Linux of several releases of Debian, with nothing but cgroup v2, and runs the system tests there.
A test is skipped only where the kernel, or its configuration, lacks what is tested; libct then refuses with an error that says so.

${table(outcomes)}

${details.join("\n")}`;
}
