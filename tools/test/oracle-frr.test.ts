/**
 * Plumbline against real FRR: random nets of routers in network namespaces; what they print as text and as JSON must read alike.
 * ORACLE_FRR_NETS sets how many nets are built, ORACLE_SEED where they begin; PLUMBLINE_FRR_ROOT another FRR than this machine's.
 */
import { describe, expect, test } from "vitest";
import { askNet } from "../src/oracle/frr/ask.js";
import { compareForms } from "../src/oracle/frr/compare.js";
import { drawNet } from "../src/oracle/frr/random-net.js";
import { whyNoFrr } from "../src/oracle/frr/router.js";
import { Random } from "../src/oracle/random.js";

const why = whyNoFrr();
if (why)
  console.warn(`\n======== SKIPPED: the tests against real FRR: ${why} ========\nInstall it with: bash tools/setup-oracles.sh (as root)\n`);

const nets = Number(process.env["ORACLE_FRR_NETS"] ?? 1);
const seed = Number(process.env["ORACLE_SEED"] ?? Math.floor(Date.now() / 1000) % 1_000_000);

describe.skipIf(why !== null)("real FRR", () => {
  test(`${nets} random nets from seed ${seed} on: text and JSON read alike`, { timeout: 30_000 + nets * 60_000 }, async () => {
    const differences: string[] = [];
    let pairs = 0;
    let facts = 0;
    for (let i = 0; i < nets; i++) {
      for (const out of await askNet(drawNet(new Random(seed + i)))) {
        const c = compareForms(out);
        pairs += c.pairs;
        facts += c.facts;
        differences.push(...c.differences.map((d) => `seed ${seed + i}: ${d}`));
      }
    }
    console.log(`seed ${seed}: ${nets} nets, ${pairs} outputs in both forms, ${facts} facts, ${differences.length} differences`);
    expect(differences.slice(0, 10)).toEqual([]);
    expect(facts).toBeGreaterThan(nets * 20);
  });
});
