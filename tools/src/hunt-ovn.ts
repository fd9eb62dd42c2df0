/**
 * A long hunt for packets that we and the real ovn-trace take differently:
 *
 *     node tools/dist/hunt-ovn.js [--traces 20000] [--seed N] [--out DIR]
 *
 * ORACLE_OVN_ROOT names the root of another release. Prints what was covered; each difference, made small, is written to DIR as a kept case.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { huntTraces, traceSummary } from "./oracle/ovn/hunt-traces.js";
import { keptText } from "./oracle/ovn/kept-traces.js";
import { ovnRelease } from "./oracle/ovn/private-southbound.js";

const { values } = parseArgs({
  options: { traces: { type: "string", default: "20000" }, seed: { type: "string" }, out: { type: "string", default: "ovn-differences" } },
});
/** Traces of one control plane: its databases grow with what it has forgotten. */
const ONE = 2500;

const wanted = Number(values.traces);
let seed = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed);
const release = await ovnRelease();
let done = 0;
let differences = 0;
while (done < wanted) {
  const found = await huntTraces(seed, Math.min(ONE, wanted - done));
  done += found.traces;
  for (const d of found.differences) {
    mkdirSync(values.out, { recursive: true });
    const file = join(values.out, `ovn-trace-${release}-${seed}-${differences++}.json`);
    writeFileSync(file, keptText(d));
    console.log(`${file}: ${d.note.split("\n")[0]}`);
  }
  console.log(`OVN ${release}, seed ${seed}: ${traceSummary(found)}; ${done} of ${wanted} so far, ${differences} differences`);
  seed = (seed + 100_003) >>> 0;
}
if (differences > 0) process.exitCode = 1;
