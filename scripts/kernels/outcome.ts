// What came of the system tests on one kernel, and how it is shown.
import { readFileSync } from "node:fs";

/** What vitest's JSON reporter writes, as far as it is used. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** What came of one file of tests. */
interface FileOutcome {
  readonly passed: number;
  readonly skipped: number;
  /** Names of the tests, or of the file when it could not be loaded. */
  readonly failed: readonly string[];
  /** Why tests were skipped. */
  readonly reasons: readonly string[];
  readonly minutes: number;
}

export interface Outcome {
  /** Debian's name of the release that the kernel is from. */
  readonly debian: string;
  /** uname -r */
  readonly kernel: string;
  readonly files: Readonly<Record<string, FileOutcome>>;
}

/** Reads what the guest has written to its results. Files are named from the project, whose path ends with a slash. */
export function readOutcome(debian: string, results: string, project: string, minutes: number): Outcome {
  const report = JSON.parse(readFileSync(`${results}/report.json`, "utf8")) as Report;
  const reasons = readReasons(readFileSync(`${results}/log`, "utf8"));
  const share = minutes / report.testResults.length;
  const files = report.testResults.map(({ name, status, assertionResults }) => {
    const file = name.replace(project, "");
    const failed = assertionResults.filter((test) => test.status === "failed").map(({ fullName }) => fullName);
    const passed = assertionResults.filter((test) => test.status === "passed").length;
    const outcome: FileOutcome = {
      passed,
      skipped: assertionResults.length - passed - failed.length,
      failed: status === "failed" && assertionResults.length === 0 ? [file] : failed,
      reasons: [...(reasons.get(file) ?? [])].sort(),
      minutes: share,
    };
    return [file, outcome] as const;
  });
  return { debian, kernel: readFileSync(`${results}/release`, "utf8").trim(), files: Object.fromEntries(files) };
}

/** What a file says stands below a line with its name. */
function readReasons(log: string): ReadonlyMap<string, ReadonlySet<string>> {
  const reasons = new Map<string, Set<string>>();
  let file = "";
  for (const line of log.split("\n")) {
    file = /^std(?:out|err) \| ([^ ]+)/.exec(line)?.[1] ?? file;
    const reason = /^SKIPPED: (.*)$/.exec(line)?.[1];
    if (reason !== undefined) reasons.set(file, (reasons.get(file) ?? new Set()).add(reason));
  }
  return reasons;
}

/** All files take hours: what was run in parts is one outcome, in which each file's last run counts. */
export const joined = (before: Outcome | undefined, now: Outcome): Outcome =>
  before?.kernel === now.kernel ? { ...now, files: { ...before.files, ...now.files } } : now;

const sum = ({ files }: Outcome, count: (file: FileOutcome) => number): number =>
  Object.values(files).reduce((total, file) => total + count(file), 0);

/** Names of the tests that failed. */
export const failures = ({ files }: Outcome): readonly string[] => Object.values(files).flatMap(({ failed }) => failed);

export const skips = (outcome: Outcome): number => sum(outcome, ({ skipped }) => skipped);
export const passes = (outcome: Outcome): number => sum(outcome, ({ passed }) => passed);

const HEADINGS = ["kernel", "Debian", "files", "passed", "failed", "skipped", "minutes"];
/** Columns of words are at the left, those of numbers at the right. */
const WORDS = 2;

export function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    const minutes = sum(outcome, (file) => file.minutes).toFixed(0);
    const counts = [passes(outcome), failures(outcome).length, skips(outcome)];
    return [outcome.kernel, outcome.debian, Object.keys(outcome.files).length, ...counts, minutes].map(String);
  });
  const widths = HEADINGS.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const pad = (cells: readonly string[]) =>
    line(cells.map((cell, at) => (at < WORDS ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))));
  const rule = line(widths.map((width, at) => (at < WORDS ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)));
  return [pad(HEADINGS), rule, ...rows.map(pad)].join("\n");
}

/** docs/kernels.md; `all` are the files that there are. */
export function page(outcomes: readonly Outcome[], all: readonly string[]): string {
  const details = outcomes.map((outcome) => {
    const reasons = new Set(Object.values(outcome.files).flatMap((file) => file.reasons));
    const missing = all.filter((file) => !(file in outcome.files));
    const items = [
      ...failures(outcome).map((name) => `failed: ${name}`),
      ...[...reasons].sort().map((reason) => `skipped: ${reason}`),
      ...(missing.length > 0 ? [`not run: ${missing.map((file) => file.replace(FILE, "$1")).join(", ")}`] : []),
    ];
    return `## ${outcome.kernel}\n\n${items.length === 0 ? "Everything passes." : items.map((item) => `- ${item}`).join("\n")}\n`;
  });
  return `# Kernels

Written by \`npm run test:kernels\`, which boots user-mode Linux of several releases of Debian, with nothing but cgroup v2, and runs the system tests there.
All of them take hours: they can be run in parts, \`npm run test:kernels sid system/images\`, and each file's last run counts. There are ${all.length} files.
A test is skipped only where the kernel, or its configuration, lacks what is tested; libct then refuses with an error that says so.

${table(outcomes)}

${details.join("\n")}`;
}

const FILE = /^.*\/([^/]*)\.test\.ts$/;
