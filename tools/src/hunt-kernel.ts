/**
 * A long hunt: `node tools/dist/hunt-kernel.js [--packets N] [--sets N] [--seed N] [--only STYLE] [--tool TOOL] [--out DIR]`,
 * or case files asked again: `node tools/dist/hunt-kernel.js FILE…`.
 *
 * Prints what was covered; each difference, shrunk, is written to DIR as a case file.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readCase } from "./oracle/kernel/cases.js";
import { askAgain, hunt, summary } from "./oracle/kernel/hunt.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    packets: { type: "string", default: "20000" },
    sets: { type: "string", default: "200" },
    seed: { type: "string" },
    only: { type: "string" },
    tool: { type: "string" },
    out: { type: "string", default: "kernel-differences" },
    most: { type: "string", default: "20" },
  },
});
if (positionals.length > 0) await replay(positionals);
else await search();

async function replay(files: readonly string[]): Promise<void> {
  let bad = 0;
  for (const file of files) {
    const told = await askAgain(readCase(readFileSync(file, "utf8")));
    console.log(`${file}: ${told.length === 0 ? "equal" : "DIFFERS"}`);
    for (const t of told) console.log(`  ${t}`);
    if (told.length > 0) bad++;
  }
  console.log(`${bad} of ${files.length} differ`);
  if (bad > 0) process.exitCode = 1;
}

async function search(): Promise<void> {
  const seed = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed);
  mkdirSync(values.out, { recursive: true });
  const found = await hunt({
    seed,
    packets: Number(values.packets),
    sets: Number(values.sets),
    style: values.only,
    tool: values.tool,
    most: Number(values.most),
    told(d) {
      const file = join(values.out, `${d.name}.txt`);
      writeFileSync(file, d.text);
      console.log(`${file}: ${d.differences[0]}`);
    },
  });
  console.log(summary(found));
  if (found.differences.length > 0) process.exitCode = 1;
}
