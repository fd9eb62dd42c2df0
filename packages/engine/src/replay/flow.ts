/**
 * A flow's record: one connection and direction, what was captured of it and what becomes of it. Schema `plumbline.flow/1`.
 */
import type { FlowRecord, TupleRecord } from "@plumbline/core-wasm";
import { ipv4Text, ipv6Text, LEAF, type Verdict } from "@plumbline/model";
import type { Answer } from "./answer.js";
import type { Because, PathStory } from "./paths.js";

/** How the branch was chosen where there are several. */
export type Chosen =
  /** There is no choice on the path. */
  | "only"
  /** By the flow's hash: any branch could be the real one. */
  | "hash"
  /** The captures leave only this one. */
  | "proven"
  /** The captures leave several; of these by the flow's hash. */
  | "evidence"
  /** All are listed. */
  | "enumerated";

export interface Flow {
  readonly schema: "plumbline.flow/1";
  /** tcp, udp, icmp, icmp6, sctp, or the number. */
  readonly proto: string;
  readonly src: string;
  /** For ICMP both ports are the identifier. */
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
  /** At the capture point. */
  readonly packets: number;
  /** On the wire there, Ethernet header included. */
  readonly bytes: number;
  /** Time of its first and last packet, UTC, nanoseconds. */
  readonly first: string;
  readonly last: string;
  readonly verdict: Verdict;
  /** The first node that it touches, "" if none. */
  readonly node: string;
  /** Who gets it: `namespace/name` of a pod, or the name of a node or host. Null if nobody. */
  readonly to: string | null;
  readonly toKind: string | null;
  readonly toNode: string | null;
  readonly finalSrc: string;
  readonly finalSrcPort: number;
  readonly finalDst: string;
  readonly finalDstPort: number;
  /** Null where it did not run, or its path could not be told apart. */
  readonly path: string | null;
  readonly probability: number;
  readonly chosen: Chosen;
  readonly because: Because | null;
  readonly reason: string;
  /** The least sure hop: proven, inferred, assumed. Null if there is none. */
  readonly certainty: string | null;
  /** What came back at the capture point. */
  readonly answer: Answer;
  /** How the capture contradicts the prediction, "" if it does not. */
  readonly contradiction: string;
  /** Verdict on the answer's way back; null where it was not followed or none is sent. */
  readonly reply: Verdict | "mixed" | null;
  /** Where it starts: it enters at the port; the device's socket sends it; none: it was not run. */
  readonly start: "port" | "socket" | "none";
  /** Capture points at which it was seen on its way. */
  readonly sightings: number;
  /** A point of its path where it was not captured, though the outcome is the predicted one; "" if there is none. */
  readonly unseen: string;
  /** Packets that took another path than the first. */
  readonly otherPath: number;
  /** Capture point, DEVICE:PORT. */
  readonly at: string;
}

const PROTOCOLS: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp" };

export function protocolText(proto: number): string {
  return PROTOCOLS[proto] ?? String(proto);
}

export function addressText(t: TupleRecord, which: "src" | "dst"): string {
  return t.v6 ? ipv6Text(t[which]) : ipv4Text(t[which]);
}

/** Nanoseconds since 1970 as UTC. */
function timeText(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${(ns % 1_000_000_000n).toString().padStart(9, "0")}Z`;
}

/** What a flow's record says beyond the capture. */
export interface Outcome {
  readonly story: PathStory | null;
  readonly final: TupleRecord;
  readonly chosen: Chosen;
  readonly probability: number;
  readonly answer: Answer;
  readonly contradiction: string;
}

/** How a flow was followed; of one capture: entering there, and seen nowhere else. */
export interface Followup {
  readonly start: Flow["start"];
  readonly reply: Flow["reply"];
  readonly sightings: number;
  readonly unseen: string;
}

export function flowOf(f: FlowRecord, o: Outcome, at: string, followup?: Followup): Flow {
  const { story, final } = o;
  const other = story ? null : untold(f);
  return {
    schema: "plumbline.flow/1",
    proto: protocolText(f.proto),
    src: addressText(f, "src"),
    srcPort: f.srcPort,
    dst: addressText(f, "dst"),
    dstPort: f.dstPort,
    packets: f.packets,
    bytes: f.bytes,
    first: timeText(f.first),
    last: timeText(f.last),
    verdict: story?.verdict ?? other!.verdict,
    node: story?.node ?? "",
    to: story?.to?.name ?? null,
    toKind: story?.to?.kind ?? null,
    toNode: story?.to?.node ?? null,
    finalSrc: addressText(final, "src"),
    finalSrcPort: final.srcPort,
    finalDst: addressText(final, "dst"),
    finalDstPort: final.dstPort,
    path: story?.name ?? null,
    probability: o.probability,
    chosen: o.chosen,
    because: story?.because ?? null,
    reason: story?.reason ?? other!.reason,
    certainty: story?.certainty ?? null,
    answer: o.answer,
    contradiction: o.contradiction,
    reply: followup?.reply ?? null,
    start: followup?.start ?? (f.fate === null ? "none" : f.entering ? "port" : "socket"),
    sightings: followup?.sightings ?? 1,
    unseen: followup?.unseen ?? "",
    otherPath: f.otherPath,
    at,
  };
}

const REPLY =
  "it answers a connection that left here, and what state that left behind is not known; a capture where the connection comes from would tell";

/** A flow whose path was not told: what can be said of it all the same. */
function untold(f: FlowRecord): { verdict: Verdict; reason: string } {
  if (f.seen.asReply) return { verdict: "unknown", reason: REPLY };
  if (f.fate === null) return { verdict: "unknown", reason: "it did not run" };
  const reason = "there are more paths than are told apart";
  if (f.fate.leaf === LEAF.local) return { verdict: "delivered", reason };
  if (f.fate.leaf === LEAF.dropped && !f.fate.rejected) return { verdict: "dropped", reason };
  // Whether a rejection reaches the sender is in the run, which was not kept.
  return { verdict: f.fate.leaf === LEAF.looped ? "looped" : "unknown", reason };
}
