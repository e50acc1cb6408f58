// Prints one plain line that sums up vitest's JSON report.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const failed =
  report.numFailedTests +
  report.testResults.filter(({ status, assertionResults }) => status === "failed" && assertionResults.length === 0)
    .length;
console.log(
  `${report.numPassedTests} passed, ${failed} failed, ${report.numPendingTests + report.numTodoTests} skipped`,
);
