// Prints one plain line that sums up vitest's JSON report. A file of tests that could not even be loaded counts as one that failed.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const unloaded = ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0;
const failed = report.numFailedTests + report.testResults.filter(unloaded).length;
const skipped = report.numPendingTests + report.numTodoTests;
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
