/**
 * Plumbline against the running Linux kernel: kept cases always, random rule sets and packets where a network namespace can be made.
 * ORACLE_PACKETS sets how many packets are tried (a hundredth as many rule sets), ORACLE_SEED where they begin.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Answer, differences } from "../src/oracle/kernel/answer.js";
import { caseText, readCase } from "../src/oracle/kernel/cases.js";
import { answerLike, hunt, summary } from "../src/oracle/kernel/hunt.js";
import { openMirror } from "../src/oracle/kernel/mirror.js";
import { Namespace, whyNoNamespace } from "../src/oracle/kernel/namespace.js";
import { optionalSteps } from "../src/oracle/kernel/rule-set.js";
import { Scene } from "../src/oracle/kernel/scene.js";

const CASES = new URL("cases/", import.meta.url);
const files = readdirSync(CASES).filter((f) => f.startsWith("kernel-") && f.endsWith(".txt"));
const kept = files.map((name) => ({ name, case: readCase(readFileSync(new URL(name, CASES), "utf8")) }));
const why = whyNoNamespace("nft", "iptables-nft", "iptables-legacy", "conntrack");
if (why)
  console.warn(
    `\n======== SKIPPED: the tests against the running Linux kernel: ${why} ========\nInstall what is missing with: bash tools/setup-oracles.sh (as root)\n`,
  );

describe("cases that the kernel has answered", () => {
  test.each(kept)("$name", async ({ case: c }) => {
    const mirror = await openMirror(c.dumps ?? {}, c.set.tool);
    const optional = optionalSteps(c.set);
    const told = (a: Answer) => ({ ...a, steps: a.steps.filter((s) => !optional.has(s)) });
    expect(c.asked.map((a) => told(answerLike(mirror, a, optional)))).toEqual(c.asked.map((a) => told(a.kernel)));
  });
});

describe.skipIf(why !== null)("the running kernel", () => {
  test("answers the kept cases as written", { timeout: 120_000 }, async () => {
    const ns = Namespace.open();
    try {
      for (const { name, case: c } of kept) {
        const scene = await Scene.open(ns, c.host, c.set, c.form);
        expect(scene.loaded.error, name).toBeNull();
        const { asked } = await scene.send(c.asked.map((a) => a.packet));
        // ORACLE_RECORD=1 writes the answers instead.
        if (process.env.ORACLE_RECORD) writeFileSync(new URL(name, CASES), caseText({ ...c, asked, dumps: scene.dumps }));
        else
          expect(
            asked.flatMap((a, i) => differences(a.kernel, c.asked[i].kernel, optionalSteps(c.set))),
            name,
          ).toEqual([]);
      }
    } finally {
      await ns.close();
    }
  });

  const packets = Number(process.env.ORACLE_PACKETS ?? 1200);
  const seed = process.env.ORACLE_SEED === undefined ? Date.now() % 1_000_000_000 : Number(process.env.ORACLE_SEED);
  test(`${packets} packets over random rule sets, from seed ${seed} on`, { timeout: 60_000 + 20 * packets }, async () => {
    const found = await hunt({ seed, packets, sets: Math.max(1, Math.round(packets / 100)), most: 8 });
    console.log(summary(found));
    for (const d of found.differences) console.log(`seed ${d.seed} differs; to keep it, as tools/test/cases/kernel-NAME.txt:\n${d.text}`);
    expect(found.differences.map((d) => d.seed)).toEqual([]);
    // A rule set that the tools refuse tests nothing.
    expect(found.refused.length).toBeLessThanOrEqual(found.sets / 4);
  });
});
