/**
 * Which of two flows of one priority a look-up finds, where both match (lib/classifier.c, classifier_lookup__; lib/pvector.c).
 *
 * OpenFlow leaves it open. Open vSwitch keeps flows of one mask together in a subtable, goes through subtables by their highest
 * priority and takes the first that it finds. Subtables of one highest priority stay in the order in which they got there. A dump lists
 * them in just that order; of a text that was written, the order of its lines is the history. A flow hidden behind a part of a
 * conjunction, of its match and a higher priority, is looked at last.
 */
import { field, type Match } from "@plumbline/model";

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

/**
 * Fields that OVS keeps in one place, of which rows have several, with the mask of all: a condition on either has the same mask there
 * (include/openvswitch/flow.h, struct flow).
 */
const PLACES = new Map(
  (
    [
      ["arp_op", "ip_proto", 0xff],
      ["arp_spa", "ip_src", 0xffffffff],
      ["arp_tpa", "ip_dst", 0xffffffff],
      ["icmp_type", "tp_src", 0xffff],
      ["icmp_code", "tp_dst", 0xffff],
      ["nd_sll", "arp_sha", 0xffffffff],
      ["nd_tll", "arp_tha", 0xffffffff],
    ] as const
  ).flatMap(([name, place, all]) => {
    const [f, p] = [field(name), field(place)];
    const whole = f.bits < 32 ? 2 ** f.bits - 1 : 0xffffffff;
    return Array.from({ length: f.words }, (_, i) => [f.word + i, { place: p.word + i, whole, all }] as const);
  }),
);

/** What two conditions have in common that stand in one subtable. */
export function maskKey(row: Match): string {
  const words = row.map((x): readonly [number, number] => {
    const p = PLACES.get(x.w);
    return p ? [p.place, x.m === p.whole ? p.all : x.m] : [x.w, x.m];
  });
  return words
    .sort((a, b) => a[0] - b[0])
    .map(([w, m]) => `${w}:${m}`)
    .join(" ");
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
export function rise<S extends { readonly top: number }>(order: S[], s: S): void {
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
