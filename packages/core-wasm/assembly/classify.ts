// Table look-up. src/classifier.ts and src/plan.ts say how tables lie in memory and why.
import { S } from "./base";
import { F_CONJ_ID } from "./fields";
import {
  ENTRY_BYTES, E_AFTER, E_CODE, E_NEXT, E_RANK, E_WORDS, NODE_SCAN, NODE_SPLIT, NODE_SPLIT_REST, NODE_TUPLES, REF_BITS, REF_ENTRY, REF_NODE, REF_SURE, REF_TUPLE,
  S_SOFT, TUPLE_BYTES, T_ROOT, T_SOFT, T_SOFT_COUNT, U_GUARDS, U_RANK, U_SHIFT, U_SLOTS, U_WORDS, X_MASK, X_OTHER, X_REST, X_REST_RANK, X_SHIFT, X_SLOTS,
  X_WORD,
} from "./layout";

/** Whether the row matches all triples (byte offset, mask, value) from `p` to `end`. */
// @ts-ignore: decorator
@inline
export function matchesTriples(p: usize, end: usize, row: usize): bool {
  while (p < end) {
    if ((load<u32>(row + load<u32>(p)) & load<u32>(p, 4)) != load<u32>(p, 8)) return false;
    p += 12;
  }
  return true;
}

/** The entry at the end of the slots' chain that begins at a hash, with the values `v0` to `v3` of a tuple of `n` words, or 0. */
// @ts-ignore: decorator
@inline
function slotOf(t: usize, h: u32, n: u32, v0: u32, v1: u32, v2: u32, v3: u32): usize {
  const slots = <usize>load<u32>(t, U_SLOTS);
  const shift = load<u32>(t, U_SHIFT);
  const last = <u32>0xffff_ffff >>> shift;
  let i = h >>> shift;
  while (true) {
    const slot = slots + (<usize>i << 3);
    const e = <usize>load<u32>(slot, 4);
    if (e == 0) return 0;
    if (load<u32>(slot) == h) {
      let differs = load<u32>(e, ENTRY_BYTES) ^ v0;
      if (n > 1) differs |= load<u32>(e, ENTRY_BYTES + 4) ^ v1;
      if (n > 2) differs |= load<u32>(e, ENTRY_BYTES + 8) ^ v2;
      if (n > 3) differs |= load<u32>(e, ENTRY_BYTES + 12) ^ v3;
      if (differs == 0) return e;
    }
    i = (i + 1) & last;
  }
  return 0;
}

/** A masked word of the row, by the triple (byte offset, mask, multiplier) at `m`. */
// @ts-ignore: decorator
@inline
function word(m: usize, row: usize): u32 {
  return load<u32>(row + load<u32>(m)) & load<u32>(m, 4);
}

const M: usize = TUPLE_BYTES;

/** The first entry of tuple `t` that has the row's values, or 0. Tuples of few words, as most are, keep them at hand. */
function probe(t: usize, row: usize): usize {
  const n = load<u32>(t, U_WORDS);
  const guards = t + M + <usize>n * 12;
  if (!matchesTriples(guards, guards + load<u32>(t, U_GUARDS), row)) return 0;
  if (n == 2) {
    const v0 = word(t + M, row);
    const v1 = word(t + M + 12, row);
    return slotOf(t, v0 * load<u32>(t, M + 8) + v1 * load<u32>(t, M + 20), 2, v0, v1, 0, 0);
  }
  if (n == 1) {
    const v0 = word(t + M, row);
    return slotOf(t, v0 * load<u32>(t, M + 8), 1, v0, 0, 0, 0);
  }
  if (n == 3) {
    const v0 = word(t + M, row);
    const v1 = word(t + M + 12, row);
    const v2 = word(t + M + 24, row);
    return slotOf(t, v0 * load<u32>(t, M + 8) + v1 * load<u32>(t, M + 20) + v2 * load<u32>(t, M + 32), 3, v0, v1, v2, 0);
  }
  if (n == 4) {
    const v0 = word(t + M, row);
    const v1 = word(t + M + 12, row);
    const v2 = word(t + M + 24, row);
    const v3 = word(t + M + 36, row);
    const h = v0 * load<u32>(t, M + 8) + v1 * load<u32>(t, M + 20) + v2 * load<u32>(t, M + 32) + v3 * load<u32>(t, M + 44);
    return slotOf(t, h, 4, v0, v1, v2, v3);
  }
  return probeMany(t, row, n);
}

/** {@link probe} of any number of words. */
function probeMany(t: usize, row: usize, n: u32): usize {
  const masks = t + M;
  const end = masks + <usize>n * 12;
  let h: u32 = 0;
  for (let m = masks; m < end; m += 12) h += word(m, row) * load<u32>(m, 8);
  const slots = <usize>load<u32>(t, U_SLOTS);
  const shift = load<u32>(t, U_SHIFT);
  const last = <u32>0xffff_ffff >>> shift;
  let i = h >>> shift;
  while (true) {
    const slot = slots + (<usize>i << 3);
    const e = <usize>load<u32>(slot, 4);
    if (e == 0) return 0;
    if (load<u32>(slot) == h) {
      let v = e + ENTRY_BYTES;
      let m = masks;
      while (m < end && word(m, row) == load<u32>(v)) {
        m += 12;
        v += 4;
      }
      if (m == end) return e;
    }
    i = (i + 1) & last;
  }
  return 0;
}

/** Whether the row matches the triples of entry `e`. */
// @ts-ignore: decorator
@inline
function matches(e: usize, row: usize): bool {
  return matchesTriples(e + ENTRY_BYTES, e + ENTRY_BYTES + <usize>load<u32>(e, E_WORDS) * 12, row);
}

/** The branch of a split that the row takes: a reference. */
// @ts-ignore: decorator
@inline
function branchOf(node: usize, row: usize): usize {
  const value = load<u32>(row + load<u32>(node, X_WORD)) & load<u32>(node, X_MASK);
  const slots = <usize>load<u32>(node, X_SLOTS);
  const shift = load<u32>(node, X_SHIFT);
  const last = <u32>0xffff_ffff >>> shift;
  let i: u32 = (value * 0x9e3779b1) >>> shift;
  while (true) {
    const slot = slots + (<usize>i << 3);
    const branch = <usize>load<u32>(slot, 4);
    if (branch == 0) return load<u32>(node, X_OTHER);
    if (load<u32>(slot) == value) return branch;
    i = (i + 1) & last;
  }
  return 0;
}

/** The rank of what `find` has found, else its limit. */
let foundRank: u32 = 0;

/** The first entry of a chain of equal keys that has at least rank `from`, if it is below `limit`, else 0. */
// @ts-ignore: decorator
@inline
function within(e: usize, from: u32, limit: u32): usize {
  while (e != 0 && load<u32>(e, E_RANK) < from) e = load<u32>(e, E_NEXT);
  return e != 0 && load<u32>(e, E_RANK) < limit ? e : 0;
}

/** What a member of a list of tuples has for the row. */
// @ts-ignore: decorator
@inline
function inTuples(ref: usize, row: usize): usize {
  const what = ref & REF_BITS;
  const at = ref - what;
  if (what == REF_TUPLE) return probe(at, row);
  return what == REF_SURE || matches(at, row) ? at : 0;
}

/** The matching entry of the lowest rank from `from` on and below `limit`, searched from a reference on, or 0. */
function find(ref: usize, row: usize, from: u32, limit: u32): usize {
  let found: usize = 0;
  while (ref != 0) {
    const what = ref & REF_BITS;
    if (what != REF_NODE) {
      const at = ref - what;
      let e: usize = 0;
      if (what == REF_TUPLE) {
        if (load<u32>(at, U_RANK) < limit) e = within(probe(at, row), from, limit);
      } else if (load<u32>(at, E_RANK) >= from && load<u32>(at, E_RANK) < limit && (what == REF_SURE || matches(at, row))) e = at;
      if (e != 0) {
        found = e;
        limit = load<u32>(e, E_RANK);
      }
      break;
    }
    const kind = load<u32>(ref);
    if (kind == NODE_SPLIT) ref = branchOf(ref, row);
    else if (kind == NODE_SPLIT_REST) {
      if (load<u32>(ref, X_REST_RANK) < limit) {
        const e = find(load<u32>(ref, X_REST), row, from, limit);
        if (e != 0) {
          found = e;
          limit = foundRank;
        }
      }
      ref = branchOf(ref, row);
    } else if (kind == NODE_SCAN) {
      let e = ref + 8;
      for (let n = load<u32>(ref, 4); n > 0; n--) {
        const rank = load<u32>(e, E_RANK);
        if (rank >= limit) break;
        const end = e + ENTRY_BYTES + <usize>load<u32>(e, E_WORDS) * 12;
        if (rank >= from && matchesTriples(e + ENTRY_BYTES, end, row)) {
          foundRank = rank;
          return e;
        }
        e = end;
      }
      break;
    } else {
      let at = ref + 8;
      for (let n = load<u32>(ref, 4); n > 0; n--) {
        const t = <usize>load<u32>(at) & ~REF_BITS;
        // Tuples stand in order of their best rank (which an entry has in the same place): from here on none can win.
        if (load<u32>(t, U_RANK) >= limit) break;
        const e = within(inTuples(load<u32>(at), row), from, limit);
        at += 4;
        if (e != 0) {
          found = e;
          limit = load<u32>(e, E_RANK);
        }
      }
      break;
    }
  }
  foundRank = limit;
  return found;
}

/** The best entry that is searched from a reference on, or 0. What most tables are made of is looked at here, the rest in `find`. */
export function search(ref: usize, row: usize): usize {
  while (true) {
    const what = ref & REF_BITS;
    if (what != REF_NODE) {
      const at = ref - what;
      if (what == REF_SURE) return at;
      if (what == REF_ENTRY) return matches(at, row) ? at : 0;
      return probe(at, row);
    }
    if (ref == 0) return 0;
    const kind = load<u32>(ref);
    if (kind == NODE_SPLIT) ref = branchOf(ref, row);
    else if (kind == NODE_SCAN) {
      let e = ref + 8;
      for (let n = load<u32>(ref, 4); n > 0; n--) {
        const end = e + ENTRY_BYTES + <usize>load<u32>(e, E_WORDS) * 12;
        if (matchesTriples(e + ENTRY_BYTES, end, row)) return e;
        e = end;
      }
      return 0;
    } else if (kind == NODE_TUPLES) {
      let found: usize = 0;
      let limit: u32 = 0xffff_ffff;
      let at = ref + 8;
      for (let n = load<u32>(ref, 4); n > 0; n--) {
        const t = <usize>load<u32>(at) & ~REF_BITS;
        if (load<u32>(t, U_RANK) >= limit) break;
        const e = inTuples(load<u32>(at), row);
        at += 4;
        if (e != 0 && load<u32>(e, E_RANK) < limit) {
          found = e;
          limit = load<u32>(e, E_RANK);
        }
      }
      return found;
    } else return find(ref, row, 0, 0xffff_ffff);
  }
  return 0;
}

/** The best entry of a table among rules without conjunctions, or 0. */
// @ts-ignore: decorator
@inline
function best(table: usize, row: usize): usize {
  return search(load<u32>(table, T_ROOT), row);
}

/** The first matching entry of a sequence from a rank on, or 0. */
// @ts-ignore: decorator
@inline
export function next(table: usize, row: usize, from: u32): usize {
  return from == 0 ? best(table, row) : find(load<u32>(table, T_ROOT), row, from, 0xffff_ffff);
}

/** The entry that a `priority` or `lpm` table takes for the row, or 0. */
// @ts-ignore: decorator
@inline
export function lookup(table: usize, row: usize): usize {
  const hard = best(table, row);
  return load<u32>(table, T_SOFT_COUNT) == 0 ? hard : conjunctive(table, row, hard);
}

/**
 * The look-up where a table holds conjunctive rules: `hard` is the best other one. See ir.ts for the rule; here the
 * matching conjunctive entries are gathered, sorted by rank, at S_SOFT (the host made room for all of a table).
 */
function conjunctive(table: usize, row: usize, hard: usize): usize {
  const list = <usize>load<u32>(S, S_SOFT);
  let end = list;
  const last = <usize>load<u32>(table, T_SOFT) + (<usize>load<u32>(table, T_SOFT_COUNT) << 2);
  for (let at = <usize>load<u32>(table, T_SOFT); at < last; at += 4) {
    for (let e = probe(load<u32>(at), row); e != 0; e = load<u32>(e, E_NEXT)) {
      // Not of a higher priority.
      if (hard != 0 && load<u32>(hard, E_RANK) <= load<u32>(e, E_AFTER)) continue;
      let to = end;
      for (; to > list && load<u32>(load<u32>(to - 4), E_RANK) > load<u32>(e, E_RANK); to -= 4) store<u32>(to, load<u32>(to - 4));
      store<u32>(to, <u32>e);
      end += 4;
    }
  }
  // Rank follows priority, so entries of one priority stand together, best priority first.
  for (let group = list; group < end; ) {
    const priority = priorityOf(group);
    let stop = group;
    while (stop < end && priorityOf(stop) == priority) stop += 4;
    const id = completeId(group, stop);
    if (id >= 0) {
      const saved = load<u32>(row, F_CONJ_ID << 2);
      store<u32>(row, <u32>id, F_CONJ_ID << 2);
      const again = best(table, row);
      store<u32>(row, saved, F_CONJ_ID << 2);
      if (again != 0) return again;
    }
    group = stop;
  }
  return hard;
}

/** What entries of one priority have in common. */
// @ts-ignore: decorator
@inline
function priorityOf(at: usize): u32 {
  return load<u32>(load<u32>(at), E_AFTER);
}

/** The first conjunction id, in order of the entries from `group` to `stop`, all of whose clauses are there; -1 if none. */
function completeId(group: usize, stop: usize): i64 {
  for (let at = group; at < stop; at += 4) {
    let c = <usize>load<u32>(load<u32>(at), E_CODE);
    for (let n = load<u32>(c); n > 0; n--) {
      const id = load<u32>(c, 4);
      if (<u32>popcnt<u64>(clauses(group, stop, id)) >= clausesWanted(group, stop, id)) return id;
      c += 12;
    }
  }
  return -1;
}

/** The clauses of conjunction `id` that the entries bring, bit clause - 1 each. */
function clauses(group: usize, stop: usize, id: u32): u64 {
  let seen: u64 = 0;
  for (let at = group; at < stop; at += 4) {
    let c = <usize>load<u32>(load<u32>(at), E_CODE);
    for (let n = load<u32>(c); n > 0; n--) {
      if (load<u32>(c, 4) == id) seen |= <u64>1 << <u64>(load<u32>(c, 8) - 1);
      c += 12;
    }
  }
  return seen;
}

/** How many clauses conjunction `id` has, as its first entry says. */
function clausesWanted(group: usize, stop: usize, id: u32): u32 {
  for (let at = group; at < stop; at += 4) {
    let c = <usize>load<u32>(load<u32>(at), E_CODE);
    for (let n = load<u32>(c); n > 0; n--) {
      if (load<u32>(c, 4) == id) return load<u32>(c, 12);
      c += 12;
    }
  }
  return 0xffff_ffff;
}
