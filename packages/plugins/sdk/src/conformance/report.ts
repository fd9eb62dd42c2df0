/** The conformance kit's report as text, and as tests of a test runner. */
import type { Plugin } from "@plumbline/model";
import { type ConformanceOptions, type ConformanceReport, conformance } from "./conformance.js";

const MARK = { passed: "ok  ", failed: "FAIL", skipped: "-   " } as const;

/** A line a check, and its faults beneath it. */
export function reportText(report: ConformanceReport): string {
  return report.checks
    .flatMap((c) => [`${MARK[c.verdict]} ${c.title}${c.tried === "" ? "" : ` (${c.tried})`}`, ...c.faults.map((f) => `       ${f}`)])
    .join("\n");
}

/** What is needed of a test runner: vitest's and node:test's `test` will do. */
export type TestFunction = (name: string, run: () => void, timeout?: number) => unknown;

const MINUTES = 300_000;

/**
 * Registers one test for the whole kit:
 *
 *     import { test } from "vitest";
 *     conformanceTests(test, plugin, { fixtures: [{ path: "node-1/host/acme_rules", content: "…" }] });
 */
export function conformanceTests(test: TestFunction, plugin: Plugin, options: ConformanceOptions): void {
  test(
    `${plugin.id} keeps what every plugin promises`,
    () => {
      const report = conformance(plugin, options);
      if (!report.ok) throw new Error(`\n${reportText(report)}`);
    },
    MINUTES,
  );
}
