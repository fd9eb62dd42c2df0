/** Real dumps, where they are at hand (PLUMBLINE_SHARED, or ../shared beside the repository): all are read without a problem. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { inlineFile, placeOf, readFile } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import linux from "../src/index.js";

const shared = process.env["PLUMBLINE_SHARED"] ?? resolve(import.meta.dirname, "../../../../../shared");
const lab = join(shared, "fixtures", "lab");
const sets = existsSync(lab) ? readdirSync(lab).filter((d) => statSync(join(lab, d)).isDirectory()) : [];
if (sets.length === 0) console.warn(`SKIPPED: no real dumps at ${lab}; set PLUMBLINE_SHARED to the folder that has fixtures/lab`);
// A file without any test counts as a failure; this one shows in the report as skipped.
test.skipIf(sets.length === 0)("the real dumps are at hand", () => expect(sets.length).toBeGreaterThan(0));

function* filesUnder(dir: string): Generator<string> {
  for (const e of readdirSync(dir, { withFileTypes: true }))
    if (e.isDirectory() && e.name !== "probe") yield* filesUnder(join(dir, e.name));
    else if (e.isFile()) yield join(dir, e.name);
}

test.skipIf(sets.length === 0).each(sets)("%s", (set) => {
  const root = join(lab, set);
  const problems: string[] = [];
  /** Next hops and prefixes of each evidence, by its form: text and JSON must agree. */
  const forms = new Map<string, Map<string, string>>();
  for (const path of filesUnder(root)) {
    if (statSync(path).size > 2_000_000) continue;
    const name = relative(root, path);
    const file = inlineFile(name, readFileSync(path, "utf8"), placeOf(name, basename(root)));
    for (const plugin of [linux]) {
      const claim = plugin.claims(file);
      if (!claim) continue;
      const r = readFile(plugin, file);
      problems.push(...r.problems.map((p) => `${p.file}:${p.line} ${p.message}`));
      // Text leaves out what is the default, and JSON the name of a peer's namespace.
      const facts = r.facts
        .filter((f) => f.kind !== "host.address-claim")
        .map(
          (f) =>
            `${f.kind} ${JSON.stringify(f.data, (k, v) => (["scope", "proto", "linkNetns", "type", "table"].includes(k) ? undefined : v))}`,
        )
        .map((s) => [...s].sort().join(""));
      const key = `${file.host}: ${claim.what}`;
      if (!forms.has(key)) forms.set(key, new Map());
      forms.get(key)!.set(name, facts.sort().join("\n"));
    }
  }
  expect(problems).toEqual([]);
  const differing = [...forms]
    .filter(([key, byFile]) => !key.endsWith("routes (ip route)") && new Set(byFile.values()).size > 1)
    .map(([key]) => key);
  expect(differing).toEqual([]);
  expect(forms.size).toBeGreaterThan(10);
});
