/**
 * Logical against physical, on sets of the lab.
 *
 *     node tools/dist/acceptance-logical.js [--part agree,faults,without] SET…
 *
 * agree: every flow of every br-int is what follows from the southbound database, and every probe of the set goes the same way through
 * both. faults: a missing flow, a stale one, a wrong bucket, a missing logical flow are each found and named, and a packet that meets
 * one parts there. without: with br-int's OpenFlow taken away (of one node, of all; with all of OVS but br-ex; with br-ex's as well; with
 * all of OVS) every probe is right.
 * Prints a line each; fails where one does not hold.
 */
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { compareTraces, logicalAgreement, logicalSession, openSession, trace } from "@plumbline/engine";
import { Judge } from "./acceptance/judge.js";
import { copyOf, FAULTS, oneForm, switchHosts, type Taken, takeBrInt } from "./acceptance/logical-faults.js";
import { packetOf, readProbes } from "./acceptance/probes.js";
import { PLUGINS } from "./plugins.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { part: { type: "string", default: "agree,faults,without" } },
});

let ok = true;
function say(set: string, what: string, good: boolean, detail: string): void {
  ok &&= good;
  console.log(`${basename(set)}: ${what}: ${good ? "ok" : "FAILED"}, ${detail}`);
}

async function inCopy(set: string, work: (dir: string) => Promise<void>): Promise<void> {
  const dir = copyOf(set);
  try {
    await work(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const probesOf = (set: string) => readProbes(join(set, "probe", "ground-truth.jsonl"));

async function agree(set: string, dir: string): Promise<void> {
  const session = await openSession(dir, { plugins: PLUGINS });
  const { switches, left } = logicalAgreement(session.snapshot, session.built);
  const findings = switches.flatMap((s) => s.findings);
  const flows = switches.reduce((n, s) => n + s.agree, 0);
  say(set, "flows", findings.length === 0 && left.length === 0 && switches.length > 0, `${flows} agree, ${findings.length} findings`);
  for (const f of findings.slice(0, 5)) console.log(`  ${f.kind} table ${f.table} ${f.what}: ${f.openflow?.text ?? f.logical?.openflow}`);
  const logical = await logicalSession(session);
  let hops = 0;
  const bad: string[] = [];
  const probes = probesOf(set);
  for (const p of probes) {
    const [packet, from] = [packetOf(p), p.from];
    const options = { from, reply: true };
    const compared = compareTraces(session, trace(session, packet, options), trace(logical, packet, options));
    hops += compared.hops;
    for (const d of compared.differences) bad.push(`probe ${p.id} ${packet}: ${d.device} ${d.what}`);
  }
  say(set, "probes", bad.length === 0 && hops > 0, `${probes.length} probes, ${hops} hops agree, ${bad.length} differences`);
  for (const b of bad.slice(0, 5)) console.log(`  ${b}`);
}

async function faults(set: string): Promise<void> {
  for (const fault of FAULTS)
    await inCopy(set, async (dir) => {
      oneForm(dir);
      const host = switchHosts(dir)[0];
      const names = fault.make(dir, host);
      const session = await openSession(dir, { plugins: PLUGINS });
      const findings = logicalAgreement(session.snapshot, session.built).switches.flatMap((s) =>
        s.findings.map((f) => ({ ...f, host: s.host })),
      );
      const found = findings.filter((f) => f.kind === fault.kind && names.every((n) => JSON.stringify(f).includes(n)));
      say(
        set,
        fault.name,
        found.length > 0 && findings.length === found.length,
        `${findings.length} findings: ${[...new Set(findings.map((f) => f.what))].join("; ").slice(0, 200)}`,
      );
    });
}

async function without(set: string): Promise<void> {
  const [, second] = switchHosts(set);
  const ways: [string, Taken, string | undefined][] = [
    [`without the flows of ${second}`, "flows", second],
    ["without the flows of all", "flows", undefined],
    ["without what names br-int", "br-int", undefined],
    ["without OVS but for br-ex", "all but br-ex", undefined],
    ["without any flows", "all flows", undefined],
    ["without OVS", "all", undefined],
  ];
  for (const [name, what, host] of ways)
    await inCopy(set, async (dir) => {
      takeBrInt(dir, what, host);
      const judge = new Judge(await openSession(dir, { plugins: PLUGINS }));
      const outcomes = probesOf(set)
        .filter((p) => ["tcp", "udp"].includes(p.proto))
        .map((p) => judge.judge(p));
      const wrong = outcomes.filter((o) => !o.right);
      say(set, name, wrong.length === 0 && outcomes.length > 0, `${outcomes.length - wrong.length} of ${outcomes.length} probes right`);
      for (const o of wrong.slice(0, 3)) console.log(`  probe ${o.probe.id}: ${o.why.slice(0, 300)}`);
    });
}

const parts = values.part.split(",");
for (const set of positionals) {
  if (parts.includes("agree")) await inCopy(set, (dir) => agree(set, dir));
  if (parts.includes("faults")) await faults(set);
  if (parts.includes("without")) await without(set);
}
if (positionals.length === 0) {
  console.error("usage: acceptance-logical [--part agree,faults,without] SET…");
  process.exitCode = 2;
} else if (!ok) process.exitCode = 1;
