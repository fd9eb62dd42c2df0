/**
 * Every netfilter dump of the lab is read without a problem, and iptables and nft are one table. Needs the shared
 * fixtures: PLUMBLINE_SHARED, or a folder `shared` beside the repository.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FactStore, inlineFile, readFile } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";
import { selectTables } from "../src/lower/tables.js";

const shared = process.env["PLUMBLINE_SHARED"] ?? fileURLToPath(new URL("../../../../../shared", import.meta.url));
const lab = join(shared, "fixtures", "lab");
const there = existsSync(lab);
if (!there) console.warn(`SKIPPED: no lab fixtures at ${lab}; set PLUMBLINE_SHARED to read them`);

function files(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? files(join(dir, e.name)) : [join(dir, e.name)]));
}

test.skipIf(!there)("the lab's dumps have no problem, and each table is there once", () => {
  let read = 0;
  const problems: string[] = [];
  const tables: string[] = [];
  for (const set of readdirSync(lab, { withFileTypes: true })) {
    if (!set.isDirectory()) continue;
    const facts = new FactStore();
    for (const path of files(join(lab, set.name))) {
      if (!/\/(ip6?tables|nft)[^/]*$/.test(path)) continue;
      const file = inlineFile(path.slice(join(lab, set.name).length + 1), readFileSync(path, "utf8"));
      if (!plugin.claims(file)) throw new Error(`${path} is not claimed`);
      read++;
      const r = readFile(plugin, file);
      problems.push(...r.problems.map((p) => `${set.name}/${p.file}:${p.line}: ${p.message}`));
      // Two forms of one thing: the loader takes the richest, iptables-save -c and nft -a.
      if (/-j_list|\/nft_list|iptables-save$/.test(path)) continue;
      for (const f of r.facts) facts.add(f);
    }
    for (const host of facts.hosts()) {
      const chosen = selectTables(facts, host, (p) => problems.push(`${set.name}/${p.file}:${p.line}: ${p.message}`));
      tables.push(`${host}: ${chosen.map((t) => `${t.table.source} ${t.table.family} ${t.table.name}`).join(", ")}`);
    }
  }
  expect(read).toBeGreaterThan(300);
  expect(problems).toEqual([]);
  expect([...new Set(tables)].sort()).toMatchInlineSnapshot(`
    [
      "client: ",
      "master-01-demo: iptables ip mangle, iptables ip filter, iptables ip nat, nft inet ovn-kubernetes",
      "master-02-demo: iptables ip mangle, iptables ip filter, iptables ip nat, nft inet ovn-kubernetes",
      "master-03-demo: iptables ip mangle, iptables ip filter, iptables ip nat, nft inet ovn-kubernetes",
      "router: ",
      "upstream: nft ip upstream",
    ]
  `);
});
