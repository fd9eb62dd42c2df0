/**
 * The lab's real dumps: everything parses, and every cookie of br-int stands for something. Skipped, loudly, where the
 * dumps are not there.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Device, Fact, Rule } from "@plumbline/model";
import { FactStore, inlineFile, placeOf, readFile } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin, { tableOffsets } from "../src/index.js";

const SHARED = process.env["PLUMBLINE_SHARED"] ?? join(dirname(fileURLToPath(import.meta.url)), "../../../../../shared");
const LAB = join(SHARED, "fixtures/lab");
const here = existsSync(LAB);
if (!here) console.warn(`SKIPPED: no lab dumps at ${LAB} (set PLUMBLINE_SHARED)`);

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? filesUnder(join(folder, e.name)) : [join(folder, e.name)],
  );
}

/** All facts of a set, and the flows of every node's br-int as the ovs plugin has them. */
function load(set: string): { facts: FactStore; flows: Fact[]; problems: string[] } {
  const facts = new FactStore();
  const flows: Fact[] = [];
  const problems: string[] = [];
  const commands = new Map(
    readFileSync(join(LAB, set, "commands.tsv"), "utf8")
      .split("\n")
      .map((l) => l.split("\t") as [string, string]),
  );
  for (const file of filesUnder(join(LAB, set))) {
    const path = relative(join(LAB, set), file);
    if (!/(^|\/)(ovn|ovs)\//.test(path)) continue;
    const place = placeOf(path, "", commands.get(path));
    const f = inlineFile(path, readFileSync(file), place);
    if (/OpenFlow15_dump-flows_br-int$/.test(path)) {
      for (const [i, text] of f.text().split("\n").entries())
        if (text.includes("cookie="))
          flows.push({
            kind: "ovs.flow",
            host: f.host,
            origin: { file: path, line: i + 1, text: text.trim() },
            data: {},
          } as unknown as Fact);
    } else if (plugin.claims(f)) {
      const r = readFile(plugin, f);
      for (const fact of r.facts) facts.add(fact);
      problems.push(...r.problems.filter((p) => p.severity !== "info").map((p) => `${p.file}:${p.line}: ${p.message}`));
    }
  }
  for (const flow of flows) facts.add(flow);
  return { facts, flows, problems };
}

const SETS: [set: string, egress: number][] = [
  ["cluster", 42],
  ["local", 42],
  ["ic-cluster", 45],
  ["ic-local", 45],
  ["lgw-cluster", 45],
  ["lgw-local", 45],
];
for (const [set, egress] of SETS) {
  test.skipIf(!here)(`${set}: no problem, every cookie of br-int resolves, offsets are counted`, () => {
    const { facts, flows, problems } = load(set);
    expect(problems).toEqual([]);
    expect(flows.length).toBeGreaterThan(1000);
    const annotate = plugin.annotator!(facts);
    const nameless = flows.filter((f) => {
      const cookie = BigInt(/cookie=(0x[0-9a-f]+)/.exec(f.origin.text)![1]!);
      // ovn-controller's own flows (physical.c) carry no cookie.
      if (cookie === 0n) return false;
      return annotate({ cookie, origin: f.origin } as Rule, { kind: "bridge", host: f.host } as Device).length === 0;
    });
    expect(nameless.map((f) => f.origin.text)).toEqual([]);
    for (const host of new Set(flows.map((f) => f.host))) expect(tableOffsets(facts, host)).toEqual({ ingress: 8, egress, how: "counted" });
  });
}
