/**
 * OVN's match language and logical actions against the real `ovn-trace`: kept cases always, random ones where it is installed.
 * ORACLE_EXPRESSIONS sets how many random expressions, and texts of actions, are tried, ORACLE_SEED where they begin.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { huntActions, ourComplaint, readActionCase, theirComplaints } from "../src/oracle/ovn/actions.js";
import { ours, theirs } from "../src/oracle/ovn/expressions.js";
import { expressionSummary, huntExpressions, readExpressionCase } from "../src/oracle/ovn/hunt-expressions.js";
import { whyNoOvnTrace } from "../src/oracle/ovn/private-southbound.js";

const CASES = new URL("cases/", import.meta.url);
const kept = readdirSync(CASES)
  .filter((f) => f.startsWith("ovn-expr-") && f.endsWith(".txt"))
  .map((name) => ({ name, case: readExpressionCase(readFileSync(new URL(name, CASES), "utf8")) }));
const keptActions = readdirSync(CASES)
  .filter((f) => f.startsWith("ovn-actions-") && f.endsWith(".txt"))
  .map((name) => ({ name, case: readActionCase(readFileSync(new URL(name, CASES), "utf8")) }));
const why = whyNoOvnTrace();
if (why)
  console.warn(
    `\n======== SKIPPED: the tests against the real OVN: ${why} ========\nInstall it with: bash tools/setup-oracles.sh (as root)\n`,
  );

describe("expressions that the real OVN has answered", () => {
  test.each(kept)("$name", ({ case: c }) => {
    expect(ours({ expressions: [c.expression], packets: c.packets }).answers).toEqual([c.answer]);
  });
});

describe.skipIf(keptActions.length === 0)("actions that the real OVN has answered", () => {
  test.each(keptActions)("$name", ({ case: c }) => {
    expect(ourComplaint(c.actions)).toBe(c.complaint);
  });
});

describe.skipIf(why !== null)("the real ovn-trace", () => {
  test("answers the kept expressions as written", { timeout: 60_000 }, async () => {
    const answers = await theirs(kept.map(({ case: c }) => ({ expressions: [c.expression], packets: c.packets })));
    expect(answers.map((a) => a.answers[0])).toEqual(kept.map(({ case: c }) => c.answer));
  });

  test("answers the kept actions as written", { timeout: 60_000 }, async () => {
    const complaints = await theirComplaints(keptActions.map(({ case: c }) => c.actions));
    expect(complaints).toEqual(keptActions.map(({ case: c }) => c.complaint));
  });

  const expressions = Number(process.env.ORACLE_EXPRESSIONS ?? 1000);
  const seed = Number(process.env.ORACLE_SEED ?? 1);
  test(`${expressions} random expressions from seed ${seed} on`, { timeout: 120_000 + 60 * expressions }, async () => {
    const found = await huntExpressions(seed, expressions);
    console.log(`ovn expressions, seed ${seed}: ${expressionSummary(found)}`);
    for (const text of found.differences) console.log(`to keep it, as tools/test/cases/ovn-expr-NAME.txt:\n${text}`);
    expect(found.differences).toEqual([]);
    expect(found.expressions).toBeGreaterThanOrEqual(expressions);
  });

  test(`${expressions} random texts of actions from seed ${seed} on`, { timeout: 120_000 + 60 * expressions }, async () => {
    const found = await huntActions(seed, expressions);
    console.log(
      `ovn actions, seed ${seed}: ${found.texts} texts (${found.refused} refused by OVN), ${found.differences.length} differences`,
    );
    for (const text of found.differences) console.log(`to keep it, as tools/test/cases/ovn-actions-NAME.txt:\n${text}`);
    expect(found.differences).toEqual([]);
  });
});
