/**
 * Cuts: a decision tree whose nodes each look at some adjacent bits of one lane, down to short lists of rules that are compared range by range (HiCuts, Gupta and
 * McKeown 1999; bits anywhere in a lane as in BitCuts, Liu and others 2019). A rule that does not care about a node's bits stands in many branches, so rules are first
 * parted by whether their prefixes are short (EffiCuts, Vamanan and others 2010): a tree a part, and the best of what they find.
 */
import type { Arena } from "../arena.js";
import { ACL, ACL_BYTES, CUT_RECORD, CUT_RECORD_BYTES } from "../layout.js";
import { align } from "../state.js";
import type { Built } from "./classes.js";
import { LANES, USED_LANES } from "./rules.js";

/** How a tree is grown. */
export interface Growth {
  /** Lists of at most so many rules are not cut. */
  readonly leaf: number;
  /** Bits of a search that one more copy of all rules must save. */
  readonly thrift: number;
}
export const GROWTHS: readonly Growth[] = [
  { leaf: 4, thrift: 2 },
  { leaf: 4, thrift: 0.8 },
];

/** Bits that one node looks at. */
const MOST_BITS = 10;
/** Rules that a cut is judged by. */
const SAMPLE = 1024;
/** A cut has to save so many bits of a search. */
const WORTH = 0.25;
const DEPTH = 24;

interface Cut {
  readonly lane: number;
  readonly shift: number;
  readonly bits: number;
}

/** A tree a part behind `from`, or null if they take more than `most` bytes. The image's parts are their roots, one a word. */
export function buildCuts(
  arena: Arena,
  ranges: Uint16Array,
  parts: readonly Uint32Array[],
  from: number,
  most: number,
  growth: Growth,
): Built | null {
  const image = align(from, 64);
  const used = parts.filter((p) => p.length > 0);
  const trees = new Trees(arena, ranges, image + ACL_BYTES + align(4 * used.length, 64), image + most, growth);
  // What has the best rules first: the others then end sooner.
  const roots = used.sort((a, b) => a[0] - b[0]).map((p) => trees.grow(p, 0));
  if (trees.full) return null;
  arena.put(image + ACL.AL_PARTS, image + ACL_BYTES);
  arena.put(image + ACL.AL_PART_COUNT, roots.length);
  roots.forEach((root, i) => {
    arena.put(image + ACL_BYTES + 4 * i, root);
  });
  return { image, end: trees.top, bytes: trees.top - image };
}

class Trees {
  full = false;
  /** Leaves by a hash of their rules: equal lists stand once. */
  private readonly leaves = new Map<number, { readonly rules: Uint32Array; readonly ref: number }[]>();
  private readonly counts = new Uint32Array(1 << MOST_BITS);

  constructor(
    private readonly arena: Arena,
    private readonly ranges: Uint16Array,
    public top: number,
    private readonly limit: number,
    private readonly growth: Growth,
  ) {}

  /** A reference of what finds the first of `rules` that matches: a node's address, or a list's and 1. */
  grow(rules: Uint32Array, depth: number): number {
    if (this.full) return 0;
    const cut = rules.length <= this.growth.leaf || depth >= DEPTH ? null : this.cutOf(rules);
    if (!cut) return this.leaf(rules);
    const { lane, shift, bits } = cut;
    const node = this.room(8 + (4 << bits), 8);
    if (this.full) return 0;
    // Where the branches are; the lane's byte, the bits' place, their mask.
    this.arena.put(node, node + 8);
    this.arena.put(node + 4, ((2 * lane) | (shift << 8) | (((1 << bits) - 1) << 16)) >>> 0);
    const lists = this.branches(rules, cut);
    const made = new Map<number, { readonly rules: Uint32Array; readonly ref: number }[]>();
    lists.forEach((list, i) => {
      const hash = hashOf(list);
      const alike = made.get(hash) ?? [];
      let ref = alike.find((x) => same(x.rules, list))?.ref;
      if (ref === undefined) {
        ref = this.grow(list, depth + 1);
        made.set(hash, [...alike, { rules: list, ref }]);
      }
      if (!this.full) this.arena.put(node + 8 + 4 * i, ref);
    });
    return node;
  }

  /** The rules of each branch. */
  private branches(rules: Uint32Array, { lane, shift, bits }: Cut): Uint32Array[] {
    const size = 1 << bits;
    const counts = this.counts.fill(0, 0, size);
    this.count(rules, 1, lane, shift, size, counts);
    const lists = Array.from(counts.subarray(0, size), (n) => new Uint32Array(n));
    counts.fill(0, 0, size);
    const { ranges } = this;
    for (let i = 0; i < rules.length; i++) {
      const at = 2 * LANES * rules[i] + lane;
      const first = ranges[at] >>> shift;
      const last = Math.min(ranges[at + LANES] >>> shift, first + size - 1);
      for (let v = first; v <= last; v++) lists[v & (size - 1)][counts[v & (size - 1)]++] = rules[i];
    }
    return lists;
  }

  /** How many of every `step`-th of the rules each branch would have. */
  private count(rules: Uint32Array, step: number, lane: number, shift: number, size: number, counts: Uint32Array): void {
    const { ranges } = this;
    let all = 0;
    for (let i = 0; i < rules.length; i += step) {
      const at = 2 * LANES * rules[i] + lane;
      const first = ranges[at] >>> shift;
      const last = ranges[at + LANES] >>> shift;
      if (last - first >= size - 1) all++;
      else for (let v = first; v <= last; v++) counts[v & (size - 1)]++;
    }
    if (all > 0) for (let v = 0; v < size; v++) counts[v] += all;
  }

  /** The cut that saves most, or null if none is worth it. */
  private cutOf(rules: Uint32Array): Cut | null {
    const { ranges, counts, growth } = this;
    const n = rules.length;
    const step = Math.max(1, Math.floor(n / SAMPLE));
    const sampled = Math.ceil(n / step);
    const scale = n / sampled;
    const widest = Math.max(1, Math.min(MOST_BITS, Math.ceil(Math.log2(sampled / growth.leaf)) + 1));
    const before = Math.log2(n / growth.leaf + 1);
    let best: Cut | null = null;
    let most = WORTH;
    for (let lane = 0; lane < USED_LANES; lane++) {
      let differ = false;
      const at0 = 2 * LANES * rules[0] + lane;
      for (let i = step; i < n && !differ; i += step) {
        const at = 2 * LANES * rules[i] + lane;
        differ = ranges[at] !== ranges[at0] || ranges[at + LANES] !== ranges[at0 + LANES];
      }
      if (!differ) continue;
      const width = lane === USED_LANES - 1 ? 8 : 16;
      for (let bits = Math.min(widest, width); bits >= 1; bits -= bits > 4 ? 2 : 1) {
        const size = 1 << bits;
        const stride = bits > 6 ? 2 : 1;
        for (let shift = width - bits; shift >= 0; shift -= stride) {
          counts.fill(0, 0, size);
          this.count(rules, step, lane, shift, size, counts);
          let sum = 0;
          let search = 0;
          for (let v = 0; v < size; v++) {
            const c = counts[v];
            if (c === 0) continue;
            sum += c;
            search += c * Math.log2((c * scale) / growth.leaf + 1);
          }
          // Packets are taken to fall where rules are; a branch costs 4 bytes where a rule costs 36, a step as much as half a bit.
          const copies = Math.log2((sum + size / 9 / scale) / sampled);
          const saved = before - search / sum - 0.5 - growth.thrift * Math.max(0, copies);
          if (saved > most) {
            most = saved;
            best = { lane, shift, bits };
          }
        }
      }
    }
    return best;
  }

  private leaf(rules: Uint32Array): number {
    const hash = hashOf(rules);
    const alike = this.leaves.get(hash) ?? [];
    const had = alike.find((x) => same(x.rules, rules));
    if (had) return had.ref;
    const { arena, ranges } = this;
    const kept = this.uncovered(rules);
    const at = this.room(CUT_RECORD_BYTES * Math.max(1, kept.length), 4);
    if (this.full) return 0;
    const last = kept.length - 1;
    kept.forEach((rule, i) => {
      const record = at + CUT_RECORD_BYTES * i;
      arena.words.set(new Uint32Array(ranges.buffer, ranges.byteOffset + 4 * LANES * rule, LANES), record >>> 2);
      arena.put(record + CUT_RECORD.CR_RANK, (2 * rule + (i === last ? 1 : 0)) >>> 0);
    });
    // An empty list is one rule that is worse than any.
    if (kept.length === 0) arena.put(at + CUT_RECORD.CR_RANK, 0xffffffff);
    this.leaves.set(hash, [...alike, { rules, ref: at + 1 }]);
    return at + 1;
  }

  /** Rules of a list without those that an earlier one holds. */
  private uncovered(rules: Uint32Array): number[] {
    const { ranges } = this;
    const kept: number[] = [];
    for (const rule of rules) {
      const at = 2 * LANES * rule;
      const covered = kept.slice(0, 16).some((k) => {
        const by = 2 * LANES * k;
        for (let lane = 0; lane < USED_LANES; lane++)
          if (ranges[by + lane] > ranges[at + lane] || ranges[by + LANES + lane] < ranges[at + LANES + lane]) return false;
        return true;
      });
      if (!covered) kept.push(rule);
    }
    return kept;
  }

  private room(bytes: number, alignment: number): number {
    const at = align(this.top, alignment);
    if (at + bytes > this.limit) {
      this.full = true;
      return 0;
    }
    this.top = at + bytes;
    this.arena.reserve(this.top);
    return at;
  }
}

function hashOf(list: Uint32Array): number {
  let h = list.length;
  for (let i = 0; i < list.length; i++) h = Math.imul(h ^ list[i], 0x9e3779b1) + (h >>> 15);
  return h;
}
function same(a: Uint32Array, b: Uint32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
