/**
 * What has read a capture: a session of the core, or several threads, each with a share of the connections. Their flows, put into the order of their first
 * packets, are those that one would have.
 *
 * An ICMP error belongs to the share of the connection that it is about, so that errors from one station to another about several connections, which
 * are one flow, may lie in several shares: these are joined here.
 */
import type { Core, FlowRecord, ReplayCounters, ReplayReader, ReplayTimes } from "@plumbline/core-wasm";
import { tupleText } from "./crossings.js";
import type { KnownPath } from "./paths.js";

export interface Part {
  readonly reader: ReplayReader;
  readonly connections: Core["connectionCounts"];
  /** By its numbers of paths. */
  readonly paths: (KnownPath | null)[];
}

export interface PartFlow {
  readonly part: Part;
  /** Flows of a part with one kind have all but addresses, ports and counts in common; null: alone. */
  readonly kind: number | null;
  readonly order: number;
  readonly packets: number;
  readonly bytes: number;
  readonly record: () => FlowRecord;
}

/** The flows of all parts, in the order of their first packets. What is yielded holds until the next. */
export function* flowsOf(parts: readonly Part[]): Generator<PartFlow> {
  if (parts.length === 1) {
    const [part] = parts;
    const flow = { part, kind: 0, order: 0, packets: 0, bytes: 0, number: 0, record: () => part.reader.record(flow.number) };
    for (const f of part.reader.briefly()) {
      flow.kind = f.kind;
      flow.order = f.order;
      flow.packets = f.packets;
      flow.bytes = f.bytes;
      flow.number = f.number;
      yield flow;
    }
    return;
  }
  const all: PartFlow[] = [];
  const errors = new Map<string, PartFlow>();
  for (const part of parts)
    for (const { number, icmp, ...f } of part.reader.briefly()) {
      if (icmp) join(errors, part.reader.record(number), part);
      else all.push({ ...f, part, record: () => part.reader.record(number) });
    }
  yield* [...all, ...errors.values()].sort((a, b) => a.order - b.order);
}

function join(errors: Map<string, PartFlow>, flow: FlowRecord, part: Part): void {
  const key = `${flow.entering} ${flow.tunnelled} ${tupleText(flow)}`;
  const had = errors.get(key);
  const other = { flow, part };
  const [first, second] = !had
    ? [other, null]
    : had.order < flow.order
      ? [{ flow: had.record(), part: had.part }, other]
      : [other, { flow: had.record(), part: had.part }];
  const record = second
    ? joined(first.flow, second.flow, first.part.paths[first.flow.path] === second.part.paths[second.flow.path])
    : first.flow;
  const { order, packets, bytes } = record;
  errors.set(key, { part: first.part, kind: null, order, packets, bytes, record: () => record });
}

/** @param alike the first packets of both took one path */
function joined(a: FlowRecord, b: FlowRecord, alike: boolean): FlowRecord {
  const byTime = (x: bigint, y: bigint) => Number(x - y);
  const [first] = [a.first, b.first].sort(byTime);
  const [, last] = [a.last, b.last].sort(byTime);
  return {
    ...a,
    packets: a.packets + b.packets,
    bytes: a.bytes + b.bytes,
    first,
    last,
    tcpFlags: a.tcpFlags | b.tcpFlags,
    seen: Object.fromEntries(
      Object.entries(a.seen).map(([k, v]) => [k, v || b.seen[k as keyof FlowRecord["seen"]]]),
    ) as unknown as FlowRecord["seen"],
    otherPath: a.otherPath + (alike ? b.otherPath : b.packets),
  };
}

/** The counters of all parts. */
export function countersOf(parts: readonly Part[]): ReplayCounters {
  return sums(parts.map((p) => p.reader.counters));
}
/** The times of all parts. */
export function timesOf(parts: readonly Part[]): ReplayTimes {
  return sums(parts.map((p) => p.reader.times));
}
/** The connections of all parts. */
export function connectionsOf(parts: readonly Part[]): Core["connectionCounts"] {
  return sums(parts.map((p) => p.connections));
}

function sums<T extends object>(all: readonly T[]): T {
  const names = Object.keys(all[0]) as (keyof T)[];
  return Object.fromEntries(names.map((k) => [k, all.reduce((n, x) => n + Number(x[k]), 0)])) as T;
}
