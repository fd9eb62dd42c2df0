/**
 * Sightings: flows at capture points, found by what they are and where they crossed.
 *
 * Memory: a record a flow and capture point.
 */
import type { FlowRecord } from "@plumbline/core-wasm";
import { flowKey, tupleText } from "./crossings.js";
import type { CapturePoint } from "./point.js";

export interface Sighting {
  /** Index of the capture point. */
  readonly point: number;
  /** As {@link flowKey}. */
  readonly key: string;
  readonly flow: FlowRecord;
  /** It belongs to a connection that was followed from elsewhere. */
  explained: boolean;
}

export class Sightings {
  readonly points: CapturePoint[] = [];
  /** When captures ran, by point. */
  private readonly spans: { from: bigint; to: bigint }[][] = [];
  private readonly byKey = new Map<string, Sighting>();
  private readonly byTuple = new Map<string, Sighting[]>();

  /** The number of a capture point; captures of one point (a rotated file) are one. */
  point(p: CapturePoint): number {
    const known = this.points.findIndex((x) => x.device === p.device && x.port === p.port);
    if (known >= 0) return known;
    this.spans.push([]);
    return this.points.push(p) - 1;
  }

  /** A capture ran there, at least from its first to its last frame. */
  ran(point: number, { from, to }: { readonly from: bigint; readonly to: bigint }): void {
    this.spans[point].push({ from, to });
  }

  add(point: number, flow: FlowRecord): void {
    const key = flowKey(point, flow);
    const known = this.byKey.get(key);
    const sighting: Sighting = { point, key, flow: known ? joined(known.flow, flow) : flow, explained: false };
    this.byKey.set(key, sighting);
    const tuple = tupleText(flow);
    this.byTuple.set(tuple, [...(this.byTuple.get(tuple) ?? []).filter((s) => s !== known), sighting]);
  }

  get(key: string): Sighting | undefined {
    return this.byKey.get(key);
  }
  /** Wherever it was seen. */
  ofTuple(tuple: string): readonly Sighting[] {
    return this.byTuple.get(tuple) ?? [];
  }
  /** Whether what happened then would have been captured there. */
  covers(point: number, time: bigint): boolean {
    return this.spans[point].some(({ from, to }) => from <= time && time <= to);
  }
  /** All, in order of time. */
  all(): Sighting[] {
    return [...this.byKey.values()].sort((a, b) => Number(a.flow.first - b.flow.first));
  }
}

/** One flow of two records of it. */
function joined(a: FlowRecord, b: FlowRecord): FlowRecord {
  const [first, second] = a.first <= b.first ? [a, b] : [b, a];
  return {
    ...first,
    packets: a.packets + b.packets,
    bytes: a.bytes + b.bytes,
    last: latest(a.last, b.last),
    tcpFlags: a.tcpFlags | b.tcpFlags,
    seen: {
      ...first.seen,
      answer: first.seen.answer || second.seen.answer,
      reset: first.seen.reset || second.seen.reset,
      refused: first.seen.refused || second.seen.refused,
      unreachable: first.seen.unreachable || second.seen.unreachable,
      expired: first.seen.expired || second.seen.expired,
    },
  };
}

const latest = (a: bigint, b: bigint) => [a, b].reduce((x, y) => (y > x ? y : x));
