/**
 * A long run of the comparison with the real `ofproto/trace`, by hand:
 *
 *     node tools/dist/oracle/ofproto/run.js [--traces N] [--seed S] [--small N] [--minutes M] [--out DIR] [--real-only]
 *     node tools/dist/oracle/ofproto/run.js FILE…     asks cases again, of the real switch and of us
 *
 * Prints what was compared, the coverage table and each difference as a small case; with `--out` these are files of DIR. Ends with 1 if
 * anything differed.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { whyNoSwitch } from "../ovs/daemons.js";
import { difference } from "./ask.js";
import { readCase } from "./cases.js";
import { hunt, summary } from "./hunt.js";
import { askBoth } from "./reduce.js";
import { TraceSwitch } from "./switch.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    traces: { type: "string", default: "20000" },
    seed: { type: "string", default: String((Date.now() % 1_000_000) + 1) },
    small: { type: "string", default: "2" },
    minutes: { type: "string" },
    out: { type: "string" },
    "real-only": { type: "boolean", default: false },
  },
});
const why = whyNoSwitch();
if (why) {
  console.error(`no switch can be started: ${why}`);
  process.exit(2);
}
if (positionals.length > 0) await again(positionals);
else await search();

/** Both answers to each question of the cases, side by side where they differ. */
async function again(files: readonly string[]): Promise<void> {
  const sw = await TraceSwitch.start();
  try {
    for (const file of files) {
      const c = readCase(readFileSync(file, "utf8"));
      for (const { question } of c.asked) {
        const pair = await askBoth(sw, c.set, question);
        const kind = pair ? difference(pair.real, pair.ours) : "not loaded";
        console.log(`${file}: ${question.join(" ")}: ${kind ?? "equal"}`);
        if (!kind) continue;
        process.exitCode = 1;
        const [real, ours] = [pair?.real ?? [], pair?.ours ?? []];
        for (const [i, line] of real.entries())
          console.log(line === ours[i] ? `  ${line}` : `- ${line}${ours[i] === undefined ? "" : `\n+ ${ours[i]}`}`);
        for (const line of ours.slice(real.length)) console.log(`+ ${line}`);
      }
    }
  } finally {
    await sw.stop();
  }
}

async function search(): Promise<void> {
  console.log(`seed ${values.seed}`);
  if (values.out) mkdirSync(values.out, { recursive: true });
  // What was compared so far is told even so.
  let stopped = false;
  process.once("SIGTERM", () => {
    stopped = true;
  });
  let number = 0;
  const found = await hunt(Number(values.seed), Number(values.traces), {
    small: Number(values.small),
    realOnly: values["real-only"],
    time: values.minutes === undefined ? undefined : 60_000 * Number(values.minutes),
    stopped: () => stopped,
    found: (d) => {
      if (values.out) writeFileSync(join(values.out, `${d.kind.replaceAll(" ", "-")}-${d.seed}-${number++}.txt`), d.text);
    },
  });
  console.log(found.coverage.text);
  console.log(`  never met: ${found.coverage.missing.join(", ") || "nothing"}`);
  console.log(summary(found));
  for (const d of found.differences) console.log(`\nseed ${d.seed}, to be kept as tools/test/cases/ofproto-NAME.txt:\n${d.text}`);
  process.exitCode = found.kinds.size > 0 ? 1 : 0;
}
