/**
 * Sets of numbers as masked values: what the IR's rows are made of.
 *
 * A range becomes the fewest prefixes that cover it; a complement of ranges is again ranges. The complement of values
 * under arbitrary masks is worked out bit by bit, and is the one place where the number of rows may explode.
 */

/** `(field & mask) == value` on a field of a known number of bits. */
export interface Ternary {
  readonly value: bigint;
  readonly mask: bigint;
}
export interface Interval {
  readonly lo: bigint;
  readonly hi: bigint;
}

export const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** The fewest prefixes that cover lo to hi, ascending. At most 2 * bits - 2 (RFC 1519-style aggregation). */
export function prefixes(lo: bigint, hi: bigint, bits: number): Ternary[] {
  const all = ones(bits);
  const out: Ternary[] = [];
  let at = lo;
  while (at <= hi) {
    let size = 0n;
    while (size < BigInt(bits) && (at & ((1n << (size + 1n)) - 1n)) === 0n && at + (1n << (size + 1n)) - 1n <= hi) size++;
    out.push({ value: at, mask: all & ~((1n << size) - 1n) });
    at += 1n << size;
  }
  return out;
}

/** Math.max is of numbers. */
function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** Sorts, and joins what touches. */
export function joined(intervals: readonly Interval[]): Interval[] {
  const out: Interval[] = [];
  for (const i of [...intervals].sort((a, b) => (a.lo < b.lo ? -1 : a.lo > b.lo ? 1 : 0))) {
    const last = out.at(-1);
    if (last && i.lo <= last.hi + 1n) out[out.length - 1] = { lo: last.lo, hi: most(i.hi, last.hi) };
    else out.push(i);
  }
  return out;
}

/** What lies between, before and behind the intervals. */
export function outsideOf(intervals: readonly Interval[], bits: number): Interval[] {
  const out: Interval[] = [];
  let at = 0n;
  for (const i of joined(intervals)) {
    if (i.lo > at) out.push({ lo: at, hi: i.lo - 1n });
    at = i.hi + 1n;
  }
  if (at <= ones(bits)) out.push({ lo: at, hi: ones(bits) });
  return out;
}

/** The interval of a prefix mask, or null if the mask is none. */
function intervalOf(t: Ternary, bits: number): Interval | null {
  const host = ones(bits) & ~t.mask;
  return (host & (host + 1n)) === 0n ? { lo: t.value, hi: t.value | host } : null;
}

/** What none of the masked values covers; null if that takes more than `limit` of them. */
export function complement(set: readonly Ternary[], bits: number, limit: number): Ternary[] | null {
  const intervals = set.map((t) => intervalOf(t, bits));
  if (intervals.every((i) => i !== null)) {
    const out = outsideOf(intervals, bits).flatMap((i) => prefixes(i.lo, i.hi, bits));
    return out.length > limit ? null : out;
  }
  let left: Ternary[] = [{ value: 0n, mask: 0n }];
  for (const t of set) {
    const next: Ternary[] = [];
    for (const l of left) {
      // Split off, from the highest bit down, what differs from t first in that bit.
      let same: Ternary | null = l;
      for (let b = BigInt(bits) - 1n; b >= 0n && same; b--) {
        const bit: bigint = 1n << b;
        if ((t.mask & bit) === 0n) continue;
        if ((same.mask & bit) !== 0n) {
          if (((same.value ^ t.value) & bit) !== 0n) {
            next.push(same);
            same = null;
          }
          continue;
        }
        next.push({ value: same.value | (~t.value & bit), mask: same.mask | bit });
        same = { value: same.value | (t.value & bit), mask: same.mask | bit };
      }
    }
    if (next.length > limit) return null;
    left = next;
  }
  return left;
}
