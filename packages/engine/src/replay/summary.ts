/**
 * The summary of a replay: flows, packets and bytes by verdict, way, node and receiver, and why what failed did.
 *
 * Packets and bytes are those of the flows that are counted. A flow whose fate the capture contradicts is counted as that,
 * and not under its verdict. Of an enumerated flow each branch counts with its share, so counts may be fractions.
 */
import type { Flow } from "./flow.js";
import type { Because, PathStory } from "./paths.js";

export interface Count {
  readonly flows: number;
  readonly packets: number;
  readonly bytes: number;
}

export const CONTRADICTED = "contradicted by the capture";

export interface VerdictCount extends Count {
  /** A verdict, or {@link CONTRADICTED}, which comes first. */
  readonly verdict: string;
}
export interface NodeCount extends Count {
  readonly node: string;
}
export interface BackendCount extends Count {
  readonly to: string;
  readonly kind: string;
  readonly node: string;
}
/** Devices in the order in which they are entered, and the verdict at the end. */
export interface WayCount extends Count {
  /** For people: see PathStory. */
  readonly way: string;
  readonly devices: readonly string[];
  readonly verdict: string;
}
/** Flows that were not delivered, by the rule that decided. */
export interface FailureCount extends Count {
  readonly verdict: string;
  readonly reason: string;
  readonly because: Because | null;
  /** One of them. */
  readonly example: string;
}
export interface PathCount extends Count {
  readonly path: string;
  readonly verdict: string;
  readonly node: string;
  readonly to: string | null;
  readonly probability: number;
  readonly devices: readonly string[];
  readonly because: Because | null;
  readonly reason: string;
}

export interface Summary {
  readonly total: Count;
  readonly verdicts: readonly VerdictCount[];
  /** By their first packet's path; later packets of a connection take their own. */
  readonly ways: readonly WayCount[];
  readonly nodes: readonly NodeCount[];
  readonly backends: readonly BackendCount[];
  readonly failures: readonly FailureCount[];
  readonly contradictions: readonly Flow[];
  /** Delivered flows that nothing came back for at the capture point. */
  readonly unanswered: Count;
  readonly paths: readonly PathCount[];
}

/** Contradicted flows that the summary shows; all are in the flows' records. */
const MOST_CONTRADICTIONS = 20;
const ORDER = [CONTRADICTED, "delivered", "refused", "unreachable", "dropped", "looped", "expired", "unknown"];

interface Sum {
  flows: number;
  packets: number;
  bytes: number;
}

class Groups<T> {
  private readonly groups = new Map<string, T & Sum>();
  add(key: string, of: Count, about: () => T): void {
    let g = this.groups.get(key);
    if (!g) {
      g = { ...about(), flows: 0, packets: 0, bytes: 0 };
      this.groups.set(key, g);
    }
    addTo(g, of);
  }
  /** Most flows first. */
  list(): (T & Sum)[] {
    return [...this.groups.values()].sort((a, b) => b.flows - a.flows);
  }
}

function addTo(sum: Sum, of: Count): void {
  sum.flows += of.flows;
  sum.packets += of.packets;
  sum.bytes += of.bytes;
}

export class Summarizer {
  private readonly total: Sum = { flows: 0, packets: 0, bytes: 0 };
  private readonly unanswered: Sum = { flows: 0, packets: 0, bytes: 0 };
  private readonly verdicts = new Groups<{ verdict: string }>();
  private readonly ways = new Groups<{ way: string; devices: readonly string[]; verdict: string }>();
  private readonly nodes = new Groups<{ node: string }>();
  private readonly backends = new Groups<{ to: string; kind: string; node: string }>();
  private readonly failures = new Groups<{ verdict: string; reason: string; because: Because | null; example: string }>();
  private readonly paths = new Groups<Omit<PathCount, keyof Count>>();
  private readonly contradictions: Flow[] = [];

  /** Adds a flow, or a branch of one with its share. */
  add(flow: Flow, story: PathStory | null, share: number): void {
    this.addLike(flow, story, { flows: share, packets: share * flow.packets, bytes: share * flow.bytes });
  }

  /** Adds flows that are like `flow` in all but addresses, ports, counts and times. */
  addLike(flow: Flow, story: PathStory | null, of: Count): void {
    const contradicted = flow.contradiction !== "";
    const verdict = contradicted ? CONTRADICTED : flow.verdict;
    addTo(this.total, of);
    this.verdicts.add(verdict, of, () => ({ verdict }));
    if (contradicted && this.contradictions.length < MOST_CONTRADICTIONS) this.contradictions.push(flow);
    if (flow.node !== "") this.nodes.add(flow.node, of, () => ({ node: flow.node }));
    if (flow.to !== null && !contradicted)
      this.backends.add(`${flow.toKind}\n${flow.to}`, of, () => ({
        to: flow.to ?? "",
        kind: flow.toKind ?? "",
        node: flow.toNode ?? "",
      }));
    if (flow.verdict === "delivered" && flow.answer === "none") addTo(this.unanswered, of);
    if (flow.verdict !== "delivered" && !contradicted)
      this.failures.add(JSON.stringify([flow.verdict, flow.reason, flow.because]), of, () => ({
        verdict: flow.verdict,
        reason: flow.reason,
        because: flow.because,
        example: flowText(flow),
      }));
    if (!story) return;
    this.ways.add([verdict, ...story.devices].join("\n"), of, () => ({ way: story.way, devices: story.devices, verdict }));
    this.paths.add(story.name, of, () => ({
      path: story.name,
      verdict: story.verdict,
      node: story.node,
      to: story.to?.name ?? null,
      probability: story.probability,
      devices: story.devices,
      because: story.because,
      reason: story.reason,
    }));
  }

  get result(): Summary {
    const rank = (v: string) => ORDER.indexOf(v);
    return {
      total: this.total,
      verdicts: this.verdicts.list().sort((a, b) => rank(a.verdict) - rank(b.verdict)),
      ways: this.ways.list(),
      nodes: this.nodes.list().sort((a, b) => (a.node < b.node ? -1 : 1)),
      backends: this.backends.list().sort((a, b) => b.flows - a.flows || (a.to < b.to ? -1 : 1)),
      failures: this.failures.list().sort((a, b) => rank(a.verdict) - rank(b.verdict) || b.flows - a.flows),
      contradictions: this.contradictions,
      unanswered: this.unanswered,
      paths: this.paths.list().sort((a, b) => Number(a.path.slice(1)) - Number(b.path.slice(1))),
    };
  }
}

/** "tcp 192.0.2.1:40000 > 192.0.2.2:80", as a trace takes it. */
export function flowText(f: Pick<Flow, "proto" | "src" | "srcPort" | "dst" | "dstPort">): string {
  const end = (address: string, port: number) => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);
  if (f.proto.startsWith("icmp")) return `${f.proto} ${end(f.src, f.srcPort)} > ${f.dst}`;
  return `${f.proto} ${end(f.src, f.srcPort)} > ${end(f.dst, f.dstPort)}`;
}
