/** Which branch of a trace reality took, and whether it is told rightly. */
import { cpSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type BranchResult, type Session, type TraceResult, trace } from "@plumbline/engine";
import type { Network, Verdict } from "@plumbline/model";
import { choices, isWavering, notCrossed, Recorder, type RunPair } from "./frames.js";
import { type Probe, packetOf } from "./probes.js";

export interface Outcome {
  readonly probe: Probe;
  readonly right: boolean;
  readonly unknown: boolean;
  readonly why: string;
}

/** One branch of a trace with the runs behind it: those of the same choices on the way there. */
interface Told {
  readonly branch: BranchResult;
  readonly pairs: readonly RunPair[];
}

/** Pairs each branch with its runs. A trace lists branches in the order in which their choices were first run. */
function told(t: TraceResult, pairs: readonly RunPair[]): Told[] {
  const by = new Map<string, RunPair[]>();
  for (const r of pairs) {
    if (isWavering(r.forward) || isWavering(r.back ?? [])) continue;
    const k = choices(r.forward).join();
    by.set(k, [...(by.get(k) ?? []), r]);
  }
  const groups = [...by.values()];
  if (groups.length !== t.branches.length) throw new Error(`${t.branches.length} branches of ${groups.length} different runs`);
  return t.branches.map((branch, i) => ({ branch, pairs: groups[i] }));
}

/** The branches that reality can have taken: those that every captured frame of the way there fits, with the runs whose way back fits too. */
function realOnes(p: Probe, list: readonly Told[], net: Network): { real: Told[]; best: string } {
  let fewest = Number.POSITIVE_INFINITY;
  let best = "";
  const real: Told[] = [];
  for (const { branch, pairs } of list) {
    const fits = pairs.filter((r) => {
      const missing = notCrossed(p, r, net);
      if (missing.length > 0 && missing.length < fewest)
        [fewest, best] = [missing.length, `${missing.length} captured frames not in the trace, first ${missing[0]}`];
      return missing.length === 0;
    });
    if (fits.length > 0) real.push({ branch, pairs: fits });
  }
  // Every pod's interface is captured: one branch may be the other but for its last step.
  const there = real.filter((x) => at(x.branch, p));
  return { real: there.length > 0 ? there : real, best };
}

/** What the sender's socket was told, as a verdict. A route that is a black hole is an error of `sendto`. */
export function wanted(p: Probe): Verdict {
  if (p.result === "ok") return "delivered";
  if (p.result === "timeout") return "dropped";
  return p.errno === "EINVAL" ? "unreachable" : (p.result as Verdict);
}

/** An ICMP error that came back to a UDP socket which goes on waiting: only port unreachable and its like end a UDP send (icmp_err_convert, net/ipv4/icmp.c). */
const isSoftError = (b: BranchResult, p: Probe) =>
  p.proto === "udp" && b.verdict === "unreachable" && p.reply_hops.some((f) => f.icmp_type === 3);

/** Lost for want of a neighbour: who asked for it knows after three seconds. Probes wait for half of that, and others may have asked before. */
const isNoNeighbour = (b: BranchResult) => b.hops.at(-1)?.stage.startsWith("neighbour") === true;

function say(b: BranchResult): string {
  const last = b.hops.at(-1);
  const reply = b.reply && b.reply.verdict !== "delivered" ? ` reply ${b.reply.verdict}` : "";
  return `${b.verdict}${b.to ? ` to ${b.to.name}` : ""} via ${b.node || "-"} ${b.final.src}:${b.final.srcPort} > ${b.final.dst}:${b.final.dstPort}${b.reason ? ` (${b.reason})` : ""}${reply} last: ${last?.device} ${last?.stage} ${last?.rule.text.slice(0, 120)}`;
}

function judge(p: Probe, t: TraceResult, pairs: readonly RunPair[], net: Network): Outcome {
  const list = told(t, pairs);
  const { real, best } = realOnes(p, list, net);
  const wrong = real.map((x) => x.branch).filter((b) => !right(b, p));
  const why = real.length === 0 ? `${best}; first branch: ${say(t.branches[0])}` : wrong.length > 0 ? say(wrong[0]) : "";
  return {
    probe: p,
    right: why === "",
    unknown: (real.length > 0 ? real : list).some((x) => x.branch.verdict === "unknown" || x.branch.reply?.verdict === "unknown"),
    why,
  };
}

function right(b: BranchResult, p: Probe): boolean {
  const want = wanted(p);
  const d = p.delivered;
  // Nobody answered: the packet was lost on its way, or its answer was.
  if (want === "dropped" && b.verdict === "delivered") return b.reply?.verdict === "dropped" && at(b, p);
  if (want === "dropped" && isSoftError(b, p)) return true;
  if ((want === "dropped" || want === "unreachable") && isNoNeighbour(b)) return b.verdict === "dropped" || b.verdict === "unreachable";
  if (b.verdict !== want) return false;
  if (want !== "delivered") return true;
  if (b.reply && b.reply.verdict !== "delivered") return false;
  if (!at(b, p)) return false;
  return (
    !d ||
    (b.final.src === d.src && b.final.dst === d.dst && (p.proto === "icmp" || (b.final.srcPort === d.sport && b.final.dstPort === d.dport)))
  );
}

/** Whether it came to the pod at which it was captured; where it was captured at none, a host answered, or the pod itself. */
function at(b: BranchResult, p: Probe): boolean {
  if (p.delivered) return b.to?.kind === "pod" && b.to.name === `${p.delivered.namespace}/${p.delivered.pod}`;
  return b.to?.kind !== "pod" || (p.src === p.dst && b.to.name === p.from);
}

/** Traces probes on a session and judges each. */
export class Judge {
  private readonly recorder: Recorder;
  /** Milliseconds that the traces took. */
  tracing = 0;

  constructor(private readonly session: Session) {
    this.recorder = new Recorder(session.machine);
  }

  /** The branches that reality can have taken; the first fits best where there are several. */
  real(p: Probe): BranchResult[] {
    return realOnes(p, told(this.trace(p), this.recorder.pairs), this.session.net).real.map((x) => x.branch);
  }

  judge(p: Probe): Outcome {
    try {
      return judge(p, this.trace(p), this.recorder.pairs, this.session.net);
    } catch (e) {
      return { probe: p, right: false, unknown: false, why: e instanceof Error ? (e.stack ?? e.message) : String(e) };
    }
  }

  private trace(p: Probe): TraceResult {
    this.recorder.forget();
    const began = performance.now();
    const t = trace({ ...this.session, machine: this.recorder }, packetOf(p), { from: p.from, reply: true });
    this.tracing += performance.now() - began;
    return t;
  }
}

/** A copy of everything in `set` but the probes. */
export function withoutProbes(set: string): string {
  const dir = mkdtempSync(join(tmpdir(), "plumbline-acceptance-"));
  for (const e of readdirSync(set)) if (e !== "probe") cpSync(resolve(set, e), join(dir, e), { recursive: true });
  return dir;
}
