/** Over real evidence nothing is masked that is no secret. Needs the lab's files; without them it says that it is skipped. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { MASK } from "../src/masking/masker.js";
import { handlingOf, TextMasker } from "../src/masking/stream.js";

const LAB = process.env.PLUMBLINE_LAB ?? fileURLToPath(new URL("../../../../shared/fixtures/lab", import.meta.url));
if (!existsSync(LAB)) console.warn(`SKIPPED: masking over the lab's files: ${LAB} is not there (PLUMBLINE_LAB names it)`);

/** A line that has one says so. */
const SECRET = /password|secret|token|private.?key|bearer/i;

function* files(dir: string): Generator<string> {
  for (const e of readdirSync(dir, { withFileTypes: true })) {
    const full = join(dir, e.name);
    if (e.isDirectory()) yield* files(full);
    else if (e.isFile()) yield full;
  }
}

test.skipIf(!existsSync(LAB))("the lab's files: only lines that speak of a secret are masked", { timeout: 300_000 }, () => {
  const wrong: string[] = [];
  let read = 0;
  for (const file of files(LAB)) {
    const bytes = readFileSync(file);
    if (handlingOf(bytes.subarray(0, 4096)) !== "text") continue;
    read++;
    const masker = new TextMasker();
    const after = Buffer.concat([masker.push(bytes), masker.end()]).toString();
    if (masker.masked === 0) continue;
    const before = bytes.toString().split("\n");
    for (const [i, line] of after.split("\n").entries())
      if (line.includes(MASK) && !SECRET.test(before[i]))
        wrong.push(`${file}:${i + 1}: ${before[i].slice(0, 200)} -> ${line.slice(0, 200)}`);
  }
  expect(read).toBeGreaterThan(100);
  expect(wrong).toEqual([]);
});
