/**
 * Acceptance of `replay`: the flows of a lab set's capture against what really happened, and against what `trace` says.
 *
 *     node tools/dist/acceptance-replay.js [--capture router.enp7s0.pcap] [--protocols tcp,udp] [--minimum 100] SET…
 *
 * A SET is a folder with a dump and `probe/`. The product is given a copy without `probe/`, and the capture. Each probe of the
 * client has a source port of its own, so its flow is found by its addresses and ports. A flow is right when its verdict is
 * what happened, its node and receiver are ones that reality could take (some branch of the trace has them), and its
 * addresses there are those of that branch. Counts how many took the very branch that reality took.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { type Flow, flowFile, openCapture, openSession, replay, type Session, trace } from "@plumbline/engine";
import { wanted, withoutProbes } from "./acceptance/judge.js";
import { type Probe, packetOf, readProbes } from "./acceptance/probes.js";
import { PLUGINS } from "./plugins.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    capture: { type: "string", default: "router.enp7s0.pcap" },
    protocols: { type: "string", default: "tcp,udp" },
    minimum: { type: "string", default: "100" },
    truth: { type: "string" },
  },
});

interface Outcome {
  readonly probe: Probe;
  readonly why: string;
  readonly real: boolean;
}

const keyOf = (f: Pick<Flow, "proto" | "src" | "srcPort" | "dst" | "dstPort">) =>
  f.proto === "icmp" ? `icmp ${f.src}:${f.srcPort} > ${f.dst}` : `${f.proto} ${f.src}:${f.srcPort} > ${f.dst}:${f.dstPort}`;

function judge(session: Session, p: Probe, f: Flow | undefined): string {
  if (!f) return "no flow";
  const say = `${f.verdict} to ${f.to} via ${f.node || "-"} as ${f.finalSrc}:${f.finalSrcPort} > ${f.finalDst}:${f.finalDstPort}${f.reason && ` (${f.reason})`}`;
  const branches = trace(session, packetOf(p), { from: p.from, reply: true }).branches;
  const fits = branches.filter(
    (b) =>
      b.verdict === f.verdict &&
      (b.to?.name ?? null) === f.to &&
      b.node === f.node &&
      b.final.src === f.finalSrc &&
      b.final.dst === f.finalDst &&
      b.final.srcPort === f.finalSrcPort &&
      b.final.dstPort === f.finalDstPort,
  );
  if (fits.length === 0) return `${say}: no branch of the trace says so`;
  if (f.contradiction !== "") return `${say}: ${f.contradiction}`;
  const want = wanted(p);
  const lost = want === "dropped" && fits.some((b) => b.verdict === "delivered" && b.reply?.verdict === "dropped");
  return f.verdict === want || lost ? "" : `${say}: was ${p.result}`;
}

/** Whether it is the branch that reality took. */
function isReal(p: Probe, f: Flow): boolean {
  if (p.ingress_node && f.node !== p.ingress_node) return false;
  return !p.delivered || f.to === `${p.delivered.namespace}/${p.delivered.pod}`;
}

async function run(set: string): Promise<boolean> {
  const dir = withoutProbes(set);
  const scratch = mkdtempSync(join(tmpdir(), "plumbline-flows-"));
  try {
    const session = await openSession(dir, { plugins: PLUGINS });
    const file = join(scratch, "flows.ndjson");
    const result = await replay(session, await openCapture(join(set, "probe", "pcap", values.capture)), { flows: flowFile(file) });
    const flows = readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l) as Flow);
    const byKey = new Map<string, Flow[]>();
    for (const f of flows) byKey.set(keyOf(f), [...(byKey.get(keyOf(f)) ?? []), f]);
    const probes = readProbes(values.truth ?? join(set, "probe", "ground-truth.jsonl")).filter(
      (p) => p.from === "client" && values.protocols.split(",").includes(p.proto),
    );
    const outcomes = probes.map((probe): Outcome => {
      const found = byKey.get(packetOf(probe)) ?? [];
      const why = found.length > 1 ? `${found.length} flows` : judge(session, probe, found[0]);
      return { probe, why, real: why === "" && isReal(probe, found[0]) };
    });
    const right = outcomes.filter((o) => o.why === "").length;
    for (const o of outcomes.filter((x) => x.why !== "")) console.log(`  miss ${o.probe.id} ${o.probe.class} ${packetOf(o.probe)}: ${o.why}`);
    console.log(
      `${basename(set)}: ${result.total.flows} flows; ${right} of ${outcomes.length} probes right (${((100 * right) / outcomes.length).toFixed(1)} %), ${outcomes.filter((o) => o.real).length} of them on the branch that reality took; ${result.contradictions.length} contradicted; ${result.verdicts.map((v) => `${v.flows} ${v.verdict}`).join(", ")}`,
    );
    return outcomes.length > 0 && (100 * right) / outcomes.length >= Number(values.minimum);
  } finally {
    rmSync(dir, { recursive: true });
    rmSync(scratch, { recursive: true });
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
  console.error("usage: acceptance-replay [--capture NAME] [--minimum 100] SET…");
  process.exitCode = 2;
} else if (!ok) process.exitCode = 1;
