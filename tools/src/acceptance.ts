/**
 * Acceptance: every probe of a lab set, traced from where it was sent, against what really happened.
 *
 *     node tools/dist/acceptance.js [--protocols tcp,udp] [--senders client,pod] [--minimum 95] [--misses N] SET…
 *
 * A SET is a folder with a dump and `probe/ground-truth.jsonl`. The product is given a copy without `probe/`: it never sees
 * the answers. A probe is right when the branch that reality took has the right verdict, entry node, receiver and addresses
 * there. Prints a table by class, and every miss with what the trace said instead.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type BranchResult, openSession, type TraceResult, trace } from "@plumbline/engine";
import { crossings, notCrossed, Recorder } from "./acceptance/frames.js";
import { packetOf, type Probe, readProbes, senderKind } from "./acceptance/probes.js";
import { PLUGINS } from "./plugins.js";

interface Outcome {
  probe: Probe;
  right: boolean;
  unknown: boolean;
  why: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    protocols: { type: "string", default: "tcp,udp" },
    senders: { type: "string", default: "client,pod" },
    minimum: { type: "string", default: "95" },
    misses: { type: "string", default: "40" },
    overlay: { type: "string", multiple: true, default: [] },
    truth: { type: "string" },
  },
});

/** A copy of everything in `set` but the probes. */
function withoutProbes(set: string): string {
  const dir = mkdtempSync(join(tmpdir(), "plumbline-acceptance-"));
  for (const e of readdirSync(set)) if (e !== "probe") cpSync(resolve(set, e), join(dir, e), { recursive: true });
  return dir;
}

const senderKind = (from: string) => (from.includes("/") ? "pod" : from === "client" ? "client" : "node");

/** Whether a branch is the one that reality took, as far as the probe tells. */
function isReal(b: BranchResult, p: Probe): boolean {
  if (p.ingress_node && b.node && b.node !== p.ingress_node) return false;
  if (p.delivered) return b.to?.kind === "pod" && b.to.name === `${p.delivered.namespace}/${p.delivered.pod}`;
  return true;
}

function wanted(p: Probe): string {
  return p.result === "ok" ? "delivered" : p.result === "timeout" ? "dropped" : p.result;
}

function judge(p: Probe, t: TraceResult): Outcome {
  const real = t.branches.filter((b) => isReal(b, p));
  const list = real.length > 0 ? real : t.branches;
  const say = (b: BranchResult) =>
    `${b.verdict}${b.to ? ` to ${b.to.name}` : ""} via ${b.node || "-"} ${b.final.src}:${b.final.srcPort} > ${b.final.dst}:${b.final.dstPort}${b.reason ? ` (${b.reason})` : ""}${b.reply && b.reply.verdict !== "delivered" ? ` reply ${b.reply.verdict}` : ""} last: ${b.hops.at(-1)?.device} ${b.hops.at(-1)?.stage} ${b.hops.at(-1)?.rule.text.slice(0, 120)}`;
  const wrong = list.filter((b) => !right(b, p));
  const ok = real.length > 0 && wrong.length === 0;
  return {
    probe: p,
    right: ok,
    unknown: list.some((b) => b.verdict === "unknown"),
    why: ok
      ? ""
      : real.length === 0
        ? `no branch by ${p.ingress_node} to ${p.delivered?.pod ?? "-"}; first: ${say(t.branches[0])}`
        : say(wrong[0]),
  };
}

function right(b: BranchResult, p: Probe): boolean {
  const want = wanted(p);
  if (want === "dropped") {
    // Nobody answered: the packet was lost on its way, or its answer was.
    return b.verdict === "dropped" || (b.verdict === "delivered" && b.reply?.verdict === "dropped");
  }
  if (b.verdict !== want) return false;
  if (want !== "delivered") return true;
  if (b.reply && b.reply.verdict !== "delivered") return false;
  const d = p.delivered;
  // Nothing was captured at a pod: a host answered, or the pod itself.
  if (!d) return b.to?.kind !== "pod" || (p.src === p.dst && b.to.name === p.from);
  return (
    b.final.src === d.src && b.final.dst === d.dst && (p.proto === "icmp" || (b.final.srcPort === d.sport && b.final.dstPort === d.dport))
  );
}

async function run(set: string): Promise<boolean> {
  const dir = withoutProbes(set);
  const started = performance.now();
  try {
    const session = await openSession(dir, { plugins: PLUGINS, overlays: values.overlay });
    const loaded = performance.now();
    const protocols = values.protocols.split(",");
    const senders = values.senders.split(",");
    const truth = values.truth ?? join(set, "probe", "ground-truth.jsonl");
    const probes = readFileSync(truth, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((l) => JSON.parse(l) as Probe)
      .filter((p) => protocols.includes(p.proto) && senders.includes(senderKind(p.from)));
    const outcomes = probes.map((p): Outcome => {
      const packet = p.proto === "icmp" ? `icmp ${p.src}:${p.sport} > ${p.dst}` : `${p.proto} ${p.src}:${p.sport} > ${p.dst}:${p.dport}`;
      try {
        return judge(p, trace(session, packet, { from: p.from, reply: true }));
      } catch (e) {
        return { probe: p, right: false, unknown: false, why: e instanceof Error ? (e.stack ?? e.message) : String(e) };
      }
    });
    const done = performance.now();
    print(basename(set), outcomes);
    const rights = outcomes.filter((o) => o.right).length;
    console.log(
      `${basename(set)}: ${rights} of ${outcomes.length} right (${((100 * rights) / outcomes.length).toFixed(1)} %), ${outcomes.filter((o) => o.unknown).length} unknown; load ${((loaded - started) / 1000).toFixed(2)} s, traces ${((done - loaded) / 1000).toFixed(2)} s\n`,
    );
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
