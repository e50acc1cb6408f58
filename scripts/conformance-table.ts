import { readdirSync, readFileSync } from "node:fs";
import { EXPLAINED } from "./conformance-explained.ts";

/** What the conformance programs have said, as docs/conformance.md. */
const [directory = "", module = "", version = ""] = process.argv.slice(2);

interface Result {
  readonly passed: boolean;
  readonly text: string;
}

/** Some programs give no results but an error in a comment. */
function resultOf(runtime: string, test: string): Result {
  const read = (kind: string) => readFileSync(`${directory}/${runtime}/${test}.${kind}`, "utf8");
  const tap = read("tap");
  const count = (line: RegExp) => tap.match(line)?.length ?? 0;
  const failed = count(/^not ok/gm);
  const passed = count(/^ok (?!.*# SKIP)/gm);
  const status = Number(read("status"));
  if (failed > 0) return { passed: false, text: passed > 0 ? `${failed} of ${failed + passed} fail` : "fails" };
  const silent = passed === 0 && count(/^ok/gm) === 0;
  if (status !== 0 || (silent && tap.includes('"error":'))) return { passed: false, text: "fails" };
  return { passed: true, text: silent ? "passes" : `${passed} pass` };
}

const tests = readdirSync(`${directory}/runc`)
  .filter((name) => name.endsWith(".tap"))
  .map((name) => name.slice(0, -".tap".length))
  .sort();
const rows = tests.map((test) => ({ test, ours: resultOf("ct-runtime", test), runc: resultOf("runc", test) }));
const passing = (of: (row: (typeof rows)[number]) => Result) => rows.filter((row) => of(row).passed).length;

const unexplained = rows.filter(({ test, ours }) => !ours.passed && EXPLAINED[test] === undefined);
for (const { test } of unexplained) console.error(`no explanation for ${test}`);

console.log(`# Conformance

\`ct-runtime\` and the conformance programs of the Open Container Initiative: the directory validation of
[runtime-tools](https://github.com/opencontainers/runtime-tools) (\`${module}\`), written by \`npm run conformance\`,
which fetches, builds and executes them. For comparison: runc ${version} on the same machine (Linux ${kernel()}, cgroup v1 and v2, no CAP_SYS_RESOURCE).

Of ${rows.length} programs ${passing(({ ours }) => ours)} pass with ct-runtime, ${passing(({ runc }) => runc)} with runc. What fails with ct-runtime is explained by the machine, by tests that are older
than the specification, or is done as runc does it on purpose.

| program | ct-runtime | runc |
| --- | --- | --- |`);
for (const { test, ours, runc } of rows) console.log(`| ${test} | ${ours.text} | ${runc.text} |`);
console.log("\n## Why\n");
for (const { test, ours, runc } of rows) {
  const why = EXPLAINED[test];
  if (why !== undefined && !(ours.passed && runc.passed)) console.log(`- **${test}**: ${why}`);
}
process.exitCode = unexplained.length > 0 ? 1 : 0;

function kernel(): string {
  const [release = ""] = readFileSync("/proc/sys/kernel/osrelease", "utf8").split("-");
  return release.trim();
}
