/**
 * All lines of recorded dumps, where a checkout of the shared fixtures stands beside this one (or PLUMBLINE_SHARED says
 * where): they parse and lower without a problem. Skipped, and said so, where there is none.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { FactStore, inlineFile, lowerFacts, readFile } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";
import { said } from "./kit.js";

const SHARED = process.env.PLUMBLINE_SHARED ?? resolve(import.meta.dirname, "../../../../../shared");
const LAB = join(SHARED, "fixtures/lab");
const hasSwitch = (set: string) => readdirSync(join(LAB, set)).some((host) => existsSync(join(LAB, set, host, "ovs")));
const folders = existsSync(LAB) ? readdirSync(LAB, { withFileTypes: true }).filter((d) => d.isDirectory()) : [];
const sets = folders.map((d) => d.name).filter(hasSwitch);
if (sets.length === 0) console.warn(`SKIPPED: no recorded dumps at ${LAB}; set PLUMBLINE_SHARED to test on them`);

test.skipIf(sets.length === 0)("recorded dumps parse and lower without a problem", { timeout: 60_000 }, () => {
  for (const set of sets) {
    const best = new Map<string, { file: ReturnType<typeof inlineFile>; form: number }>();
    const problems: string[] = [];
    for (const host of readdirSync(join(LAB, set))) {
      const folder = join(LAB, set, host, "ovs");
      if (!existsSync(folder)) continue;
      for (const name of readdirSync(folder)) {
        const file = inlineFile(`${host}/ovs/${name}`, readFileSync(join(folder, name), "utf8"));
        const claim = plugin.claims(file);
        if (!claim) continue;
        problems.push(...said(readFile(plugin, file).problems));
        const key = `${host} ${claim.what}`;
        if ((best.get(key)?.form ?? -1) < claim.form) best.set(key, { file, form: claim.form });
      }
    }
    const facts = new FactStore();
    for (const { file } of best.values()) for (const f of readFile(plugin, file).facts) facts.add(f);
    const low = lowerFacts([plugin], facts);
    expect({ set, problems: [...problems, ...said(low.problems)] }).toEqual({ set, problems: [] });
    const unknown = low.net.rules.filter((r) => r.program.some((a) => a.op === "unknown"));
    expect(unknown.map((r) => r.origin?.text)).toEqual([]);
    expect(low.net.devices.length).toBeGreaterThan(1);
  }
});
