/**
 * Acceptance: every probe of a lab set, traced from where it was sent, against what really happened.
 *
 *     node tools/dist/acceptance.js [--protocols tcp,udp] [--senders client,pod] [--minimum 95] [--misses N]
 *         [--overlay FOLDER] [--truth FILE] SET…
 *
 * A SET is a folder with a dump and `probe/ground-truth.jsonl`. The product is given a copy without `probe/`: it never sees
 * the answers. Reality took the branch whose run has every captured frame of the probe, there and back, at the interface where it
 * was captured, with its addresses, ports, MACs and TTL, in its tunnel. The probe is right if there is one and its verdict and
 * receiver are those of the probe. Prints a table by class, and every miss with what the trace said instead.
 */
import { existsSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { openSession } from "@plumbline/engine";
import { Judge, type Outcome, withoutProbes } from "./acceptance/judge.js";
import { readProbes, senderKind } from "./acceptance/probes.js";
import { PairedMachine } from "./paired.js";
import { PLUGINS } from "./plugins.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    protocols: { type: "string", default: "tcp,udp" },
    senders: { type: "string", default: "client,pod" },
    minimum: { type: "string", default: "95" },
    misses: { type: "string", default: "40" },
    overlay: { type: "string", multiple: true, default: [] },
    truth: { type: "string" },
    agree: { type: "boolean", default: false },
  },
});

async function run(set: string): Promise<boolean> {
  const dir = withoutProbes(set);
  const started = performance.now();
  try {
    const opened = await openSession(dir, { plugins: PLUGINS, overlays: values.overlay });
    const paired = values.agree ? new PairedMachine(opened.machine, opened.net) : null;
    const session = paired ? { ...opened, machine: paired } : opened;
    const loaded = performance.now();
    const protocols = values.protocols.split(",");
    const senders = values.senders.split(",");
    const truth = values.truth ?? join(set, "probe", "ground-truth.jsonl");
    const probes = readProbes(truth).filter((p) => protocols.includes(p.proto) && senders.includes(senderKind(p.from)));
    const judge = new Judge(session);
    const outcomes = probes.map((p) => judge.judge(p));
    print(basename(set), outcomes);
    const rights = outcomes.filter((o) => o.right).length;
    console.log(
      `${basename(set)}: ${rights} of ${outcomes.length} right (${((100 * rights) / outcomes.length).toFixed(1)} %), ${outcomes.filter((o) => o.unknown).length} unknown; load ${((loaded - started) / 1000).toFixed(2)} s, traces ${(judge.tracing / 1000).toFixed(2)} s\n`,
    );
    if (paired) console.log(`core and reference agree: ${paired.runs} runs, ${paired.events} events\n`);
    return outcomes.length > 0 && (100 * rights) / outcomes.length >= Number(values.minimum);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function print(set: string, outcomes: readonly Outcome[]): void {
  const classes = new Map<string, { n: number; right: number; unknown: number }>();
  for (const o of outcomes) {
    const k = `${o.probe.class.padEnd(24)} ${o.probe.proto.padEnd(5)} ${senderKind(o.probe.from).padEnd(7)} ${o.probe.result}`;
    const c = classes.get(k) ?? { n: 0, right: 0, unknown: 0 };
    c.n++;
    if (o.right) c.right++;
    if (o.unknown) c.unknown++;
    classes.set(k, c);
  }
  console.log(`${set}\n${"class".padEnd(24)} proto from    result         probes right unknown`);
  for (const [k, c] of [...classes].sort())
    console.log(`${k.padEnd(54)} ${String(c.n).padStart(5)} ${String(c.right).padStart(5)} ${String(c.unknown).padStart(7)}`);
  const misses = outcomes.filter((o) => !o.right);
  for (const o of misses.slice(0, Number(values.misses)))
    console.log(
      `  miss ${o.probe.id} ${o.probe.class} ${o.probe.proto} ${o.probe.from} ${o.probe.src}:${o.probe.sport} > ${o.probe.dst}:${o.probe.dport} was ${o.probe.result} via ${o.probe.ingress_node ?? "-"}${o.probe.delivered ? ` to ${o.probe.delivered.pod}` : ""}: ${o.why}`,
    );
  if (misses.length > Number(values.misses)) console.log(`  and ${misses.length - Number(values.misses)} more (--misses N)`);
}

let ok = true;
for (const set of positionals) {
  if (!existsSync(join(set, "probe")) && !values.truth) {
    console.error(`${set}: no probe/ground-truth.jsonl`);
    ok = false;
  } else ok = (await run(set)) && ok;
}
if (positionals.length === 0) {
  console.error("usage: acceptance [--minimum 95] SET…");
  process.exitCode = 2;
} else if (!ok) process.exitCode = 1;
