/**
 * Plumbline against the real Open vSwitch: kept cases always, random ones where a private `ovs-vswitchd` can be started.
 * ORACLE_CASES sets how many random cases of each kind are tried, ORACLE_SEED where they begin.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { caseText, loadCase, mirrored, readCase } from "../src/oracle/ovs/cases.js";
import { compare } from "../src/oracle/ovs/compare.js";
import { whyNoSwitch } from "../src/oracle/ovs/daemons.js";
import { hunt, type Subject, summary } from "../src/oracle/ovs/hunt.js";
import { PrivateSwitch } from "../src/oracle/ovs/private-switch.js";

const CASES = new URL("cases/", import.meta.url);
const files = readdirSync(CASES).filter((f) => f.startsWith("ovs-") && f.endsWith(".txt"));
const kept = files.map((name) => ({ name, case: readCase(readFileSync(new URL(name, CASES), "utf8")) }));
const why = whyNoSwitch();
if (why)
  console.warn(
    `\n======== SKIPPED: the tests against the real Open vSwitch: ${why} ========\nInstall it with: bash tools/setup-oracles.sh (as root)\n`,
  );

describe("cases that the real switch has answered", () => {
  test.each(kept)("$name", (k) => {
    expect(mirrored(k.case)).toEqual(k.case.answers);
  });
});

describe.skipIf(why !== null)("the real switch", () => {
  test("answers the kept cases as written", { timeout: 60_000 }, async () => {
    const sw = await PrivateSwitch.start();
    try {
      for (const { name, case: c } of kept) {
        const { mirror, refused } = await loadCase(sw, c);
        expect(refused, name).toEqual([]);
        const { switched } = await compare(sw, mirror, c.ask, c.packets);
        // ORACLE_RECORD=1 writes the answers instead.
        if (process.env.ORACLE_RECORD) writeFileSync(new URL(name, CASES), caseText({ ...c, answers: switched }));
        else expect(switched, name).toEqual(c.answers);
      }
    } finally {
      await sw.stop();
    }
  });

  const cases = Number(process.env.ORACLE_CASES ?? 20);
  const seed = Number(process.env.ORACLE_SEED ?? 1);
  test.each<Subject>(["tables", "connections"])(
    `${cases} random cases from seed ${seed} on: %s`,
    { timeout: 60_000 + 2000 * cases },
    async (subject) => {
      const found = await hunt(subject, seed, cases);
      console.log(summary(found));
      for (const d of found.differences) console.log(`seed ${d.seed} differs; to keep it, as tools/test/cases/ovs-NAME.txt:\n${d.text}`);
      expect(found.differences.map((d) => d.seed)).toEqual([]);
      // A switch that cannot answer says nothing about us; one that never can is no oracle.
      expect(found.unanswered.length).toBeLessThanOrEqual(cases / 10);
    },
  );
});
