/**
 * Acceptance of `replay`: the flows of a lab set's captures against what really happened, and against what `trace` says.
 *
 *     node tools/dist/acceptance-replay.js [--capture router.enp7s0.pcap | --all] [--protocols tcp,udp] [--minimum 100] [--overlay FOLDER] SET…
 *
 * A SET is a folder with a dump and `probe/`. The product is given a copy without `probe/`, and the capture. Each probe of the
 * client has a source port of its own, so its flow is found by its addresses and ports. A flow is right when its verdict is
 * what happened, its node and receiver are ones that reality could take (some branch of the trace has them), and its
 * addresses there are those of that branch. Counts how many took the very branch that reality took.
 *
 * With --all the captures of all points are replayed together, and asked about the probes of all senders. Each probe that was
 * captured anywhere must be one flow, and that flow must be what really happened: verdict, node, receiver, addresses there.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import {
  type BranchResult,
  type Flow,
  flowText,
  openCapture,
  openSession,
  type ReplayResult,
  replay,
  type Session,
  trace,
} from "@plumbline/engine";
import { Judge, wanted, withoutProbes } from "./acceptance/judge.js";
import { type Probe, packetOf, readProbes } from "./acceptance/probes.js";
import { PLUGINS } from "./plugins.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    capture: { type: "string", default: "router.enp7s0.pcap" },
    all: { type: "boolean", default: false },
    protocols: { type: "string" },
    minimum: { type: "string", default: "100" },
    overlay: { type: "string", multiple: true, default: [] },
    truth: { type: "string" },
  },
});
const protocols = (values.protocols ?? (values.all ? "tcp,udp,icmp" : "tcp,udp")).split(",");

interface Outcome {
  readonly probe: Probe;
  /** "" if it is right. */
  readonly why: string;
  /** It took the branch that reality took. */
  readonly real: boolean;
}

const say = (f: Flow) =>
  `${f.verdict} to ${f.to} via ${f.node || "-"} as ${f.finalSrc}:${f.finalSrcPort} > ${f.finalDst}:${f.finalDstPort}${f.reason && ` (${f.reason})`}${f.contradiction && `; ${f.contradiction}`}`;

function same(b: BranchResult, f: Flow): boolean {
  return (
    b.verdict === f.verdict &&
    (b.to?.name ?? null) === f.to &&
    b.node === f.node &&
    b.final.src === f.finalSrc &&
    b.final.dst === f.finalDst &&
    b.final.srcPort === f.finalSrcPort &&
    b.final.dstPort === f.finalDstPort
  );
}

/** One capture, without the others: any branch may be the real one. */
function judgeOne(session: Session, p: Probe, flows: readonly Flow[]): string {
  const of = flows.filter((f) => flowText(f) === packetOf(p));
  if (of.length !== 1) return `${of.length} flows`;
  const [f] = of;
  const fits = trace(session, packetOf(p), { from: p.from, reply: true }).branches.filter((b) => same(b, f));
  if (fits.length === 0) return `${say(f)}: no branch of the trace says so`;
  if (f.contradiction !== "") return say(f);
  const lost = wanted(p) === "dropped" && fits.some((b) => b.verdict === "delivered" && b.reply?.verdict === "dropped");
  return f.verdict === wanted(p) || lost ? "" : `${say(f)}: was ${p.result}`;
}

/** All captures: the flow is what happened. Each probe has a source port of its own, wherever its connection was first seen. */
function judgeAll(judge: Judge, p: Probe, flows: readonly Flow[]): string {
  const of = flows.filter((f) => f.proto === p.proto && f.srcPort === p.sport && f.start !== "none");
  if (of.length !== 1) return `${of.length} flows: ${of.map((f) => `${flowText(f)} at ${f.at}`).join(", ")}`;
  const [f] = of;
  if (f.contradiction !== "") return say(f);
  const { right, why } = judge.judge(p);
  if (!right) return `the trace is wrong: ${why}`;
  return judge.real(p).some((b) => same(b, f)) ? "" : `${say(f)}: not the branch that reality took`;
}

/** Whether it is the branch that reality took. */
function isReal(p: Probe, f: Flow | undefined): boolean {
  if (!f || (p.ingress_node && f.node !== p.ingress_node)) return false;
  return !p.delivered || f.to === `${p.delivered.namespace}/${p.delivered.pod}`;
}

async function replayed(session: Session, set: string): Promise<{ result: ReplayResult; flows: Flow[] }> {
  const folder = join(set, "probe", "pcap");
  const names = values.all ? readdirSync(folder).filter((n) => n.endsWith(".pcap")) : [values.capture];
  const captures = await Promise.all(names.sort().map(async (n) => ({ source: await openCapture(join(folder, n)) })));
  const flows: Flow[] = [];
  const result = await replay(session, captures, { flows: { write: (f) => flows.push(f), close() {} } });
  return { result, flows };
}

async function run(set: string): Promise<boolean> {
  const dir = withoutProbes(set);
  try {
    const session = await openSession(dir, { plugins: PLUGINS, overlays: values.overlay });
    const { result, flows } = await replayed(session, set);
    const judge = new Judge(session);
    const outcomes = readProbes(values.truth ?? join(set, "probe", "ground-truth.jsonl"))
      .filter((p) => protocols.includes(p.proto) && (values.all ? p.hops.length > 0 : p.from === "client"))
      .map((probe): Outcome => {
        const why = values.all ? judgeAll(judge, probe, flows) : judgeOne(session, probe, flows);
        const flow = flows.find((f) => f.proto === probe.proto && f.srcPort === probe.sport && f.start !== "none");
        return { probe, why, real: why === "" && isReal(probe, flow) };
      });
    const right = outcomes.filter((o) => o.why === "").length;
    const share = outcomes.length === 0 ? 0 : (100 * right) / outcomes.length;
    for (const { probe: p, why } of outcomes)
      if (why !== "") console.log(`  miss ${p.id} ${p.class} from ${p.from} ${packetOf(p)}: ${why}`);
    console.log(
      `${basename(set)}: ${result.total.flows} flows; ${right} of ${outcomes.length} probes right (${share.toFixed(1)} %), ${outcomes.filter((o) => o.real).length} on the branch that reality took; ${result.contradictions.length} contradicted; ${result.verdicts.map((v) => `${v.flows} ${v.verdict}`).join(", ")}; ${result.stats.seconds.toFixed(1)} s`,
    );
    return share >= Number(values.minimum) && result.contradictions.length === 0;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

let ok = true;
for (const set of positionals) {
  if (!existsSync(join(set, "probe", "pcap", values.capture))) {
    console.error(`${set}: no probe/pcap/${values.capture}`);
    ok = false;
  } else ok = (await run(set)) && ok;
}
if (positionals.length === 0) {
  console.error("usage: acceptance-replay [--capture NAME | --all] [--minimum 100] SET…");
  process.exitCode = 2;
} else if (!ok) process.exitCode = 1;
