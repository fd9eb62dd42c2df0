/**
 * Which of two flows of one priority a look-up finds, where both match (lib/classifier.c, classifier_lookup__; lib/pvector.c).
 *
 * OpenFlow leaves it open. Open vSwitch keeps flows of one mask together in a subtable, goes through subtables by their highest
 * priority and takes the first that it finds. Subtables of one highest priority stay in the order in which they got there. A dump lists
 * them in just that order; of a text that was written, the order of its lines is the history. A flow hidden behind a part of a
 * conjunction, of its match and a higher priority, is looked at last.
 */
import type { Match } from "@plumbline/model";

/** A flow of one table. */
export interface Ranked {
  readonly priority: number;
  /** A part of a conjunction. */
  readonly soft: boolean;
  readonly row: Match;
}

interface Subtable {
  top: number;
  /** Highest priority of a part of a conjunction, by the values that it asks for; null where there is none. */
  softs: Map<string, number> | null;
}

function maskKey(row: Match): string {
  let key = "";
  for (const x of row) key += `${x.w}:${x.m} `;
  return key;
}
function valueKey(row: Match): string {
  let key = "";
  for (const x of row) key += `${x.v} `;
  return key;
}

/** The flows of one table in an order in which, of equal priority, the first that matches is the one that is found. */
export function inTieOrder<T extends Ranked>(flows: readonly T[]): readonly T[] {
  if (!hasTies(flows)) return flows;
  const byMask = new Map<string, Subtable>();
  const order: Subtable[] = [];
  const own = flows.map((f) => {
    const key = maskKey(f.row);
    let s = byMask.get(key);
    if (!s) {
      byMask.set(key, (s = { top: f.priority, softs: null }));
      order.push(s);
    }
    if (f.priority > s.top) s.top = f.priority;
    rise(order, s);
    if (f.soft) {
      s.softs ??= new Map();
      const value = valueKey(f.row);
      s.softs.set(value, Math.max(s.softs.get(value) ?? 0, f.priority));
    }
    return s;
  });
  const place = new Map(order.map((s, i) => [s, i]));
  const rank = flows.map((f, i) => {
    const { softs } = own[i];
    const hidden = softs !== null && !f.soft && (softs.get(valueKey(f.row)) ?? 0) > f.priority;
    return place.get(own[i])! + (hidden ? order.length : 0);
  });
  return flows
    .map((f, i) => ({ f, rank: rank[i], i }))
    .sort((a, b) => a.rank - b.rank || a.i - b.i)
    .map((x) => x.f);
}

/** Moves a subtable to behind the last that stands before it and is not lower. */
function rise(order: Subtable[], s: Subtable): void {
  let i = order.indexOf(s);
  for (; i > 0 && order[i - 1].top < s.top; i--) order[i] = order[i - 1];
  order[i] = s;
}

/** Whether flows of one priority have different masks at all: most tables have few such. */
function hasTies(flows: readonly Ranked[]): boolean {
  const masks = new Map<number, string>();
  for (const f of flows) {
    const key = maskKey(f.row);
    const known = masks.get(f.priority);
    if (known === undefined) masks.set(f.priority, key);
    else if (known !== key) return true;
  }
  return false;
}
