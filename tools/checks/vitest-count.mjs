// Prints `PASSED FAILED SKIPPED` of a vitest JSON report, for .ci/run. A suite that failed outside a test (an import, a
// hook) counts as one failed test: its tests never came to be counted.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const brokenSuites = report.testResults.filter(
  (suite) => suite.status === "failed" && !suite.assertionResults.some((t) => t.status === "failed"),
);
console.log(report.numPassedTests, report.numFailedTests + brokenSuites.length, report.numPendingTests + report.numTodoTests);
