/**
 * Logical traces against the real `ovn-trace`: kept cases always, random topologies where OVN is installed. ORACLE_OVN_TRACES sets
 * how many random packets are traced, ORACLE_SEED where they begin.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { huntTraces, traceSummary } from "../src/oracle/ovn/hunt-traces.js";
import { type KeptTrace, keptText } from "../src/oracle/ovn/kept-traces.js";
import { whyNoOvn } from "../src/oracle/ovn/private-ovn.js";
import { ovnRelease } from "../src/oracle/ovn/private-southbound.js";
import { askOnce, withSouthbound } from "../src/oracle/ovn/tracer.js";
import { masked, OurTracer } from "../src/oracle/ovn/traces.js";

const CASES = new URL("cases/", import.meta.url);
const kept = readdirSync(CASES)
  .filter((f) => f.startsWith("ovn-trace-") && f.endsWith(".json"))
  .map((name) => ({ name, case: JSON.parse(readFileSync(new URL(name, CASES), "utf8")) as KeptTrace }));
const why = whyNoOvn();
if (why)
  console.warn(
    `\n======== SKIPPED: the traces against the real OVN: ${why} ========\nInstall it with: bash tools/setup-oracles.sh (as root)\n`,
  );

describe("packets that the real OVN has traced", () => {
  test.each(kept)("$name", async ({ case: c }) => {
    const ours = await OurTracer.open(c.southbound);
    expect([...ours.answers(c.question)].map((a) => masked(a.text))).toContain(masked(c.answer.join("\n")));
  });
});

describe.skipIf(why !== null)("the real ovn-trace", () => {
  test("answers the kept traces of its release as written", { timeout: 120_000 }, async () => {
    const release = await ovnRelease();
    for (const { name, case: c } of kept.filter((k) => k.case.release === release)) {
      const theirs = await withSouthbound(c.southbound, (database) => askOnce(database, c.question));
      expect(masked(theirs), name).toBe(masked(c.answer.join("\n")));
    }
  });

  const traces = Number(process.env.ORACLE_OVN_TRACES ?? 500);
  const seed = Number(process.env.ORACLE_SEED ?? Date.now() % 1_000_000);
  test(`${traces} random packets from seed ${seed} on`, { timeout: 300_000 + 100 * traces }, async () => {
    const found = await huntTraces(seed, traces);
    console.log(`ovn traces, seed ${seed}: ${traceSummary(found)}`);
    for (const c of found.differences) console.log(`${c.note}\nto keep it, as tools/test/cases/ovn-trace-NAME.json:\n${keptText(c)}`);
    expect(found.differences.map((c) => c.note.split("\n")[0])).toEqual([]);
    expect(found.traces).toBeGreaterThanOrEqual(traces);
  });
});
