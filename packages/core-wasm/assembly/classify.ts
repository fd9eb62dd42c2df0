// Table look-up. src/classifier.ts and src/plan.ts say how tables lie in memory and why.
import { S } from "./base";
import { F_CONJ_ID } from "./fields";
import {
  ENTRY_BYTES, E_AFTER, E_CODE, E_NEXT, E_RANK, E_WORDS, NODE_SCAN, NODE_SPLIT, S_SOFT, TUPLE_BYTES, T_ROOT, T_SOFT, T_SOFT_COUNT, U_RANK,
  U_SLOTS, U_SLOT_MASK, U_WORDS, X_MASK, X_OTHER, X_REST, X_REST_RANK, X_SHIFT, X_SLOTS, X_WORD,
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

/** The first entry of tuple `t` that has the row's values, or 0. */
function probe(t: usize, row: usize): usize {
  const masks = t + TUPLE_BYTES;
  const end = masks + (<usize>load<u32>(t, U_WORDS) << 3);
  let h: u32 = 0x9e3779b9;
  for (let m = masks; m < end; m += 8) {
    h = (h ^ (load<u32>(row + load<u32>(m)) & load<u32>(m, 4))) * 0x85ebca6b;
    h ^= h >>> 15;
  }
  h *= 0xc2b2ae35;
  h ^= h >>> 16;
  const slots = <usize>load<u32>(t, U_SLOTS);
  const slotMask = load<u32>(t, U_SLOT_MASK);
  let i = h & slotMask;
  let e: usize = 0;
  while (true) {
    const slot = slots + (<usize>i << 3);
    e = load<u32>(slot, 4);
    if (e == 0) break;
    if (load<u32>(slot) == h) {
      let v = e + ENTRY_BYTES;
      let m = masks;
      while (m < end) {
        if ((load<u32>(row + load<u32>(m)) & load<u32>(m, 4)) != load<u32>(v)) break;
        m += 8;
        v += 4;
      }
      if (m == end) break;
    }
    i = (i + 1) & slotMask;
  }
  return e;
}

/** The rank of what `find` has found, else its limit. */
let foundRank: u32 = 0;

/** The matching entry of the lowest rank from `from` on and below `limit`, searched from a node on, or 0. */
function find(node: usize, row: usize, from: u32, limit: u32): usize {
  let found: usize = 0;
  while (node != 0) {
    const kind = load<u32>(node);
    if (kind == NODE_SPLIT) {
      const rest = <usize>load<u32>(node, X_REST);
      if (rest != 0 && load<u32>(node, X_REST_RANK) < limit) {
        const e = find(rest, row, from, limit);
        if (e != 0) {
          found = e;
          limit = foundRank;
        }
      }
      const value = load<u32>(row + load<u32>(node, X_WORD)) & load<u32>(node, X_MASK);
      const slots = <usize>load<u32>(node, X_SLOTS);
      const shift = load<u32>(node, X_SHIFT);
      const last = <u32>0xffff_ffff >>> shift;
      let i: u32 = (value * 0x9e3779b1) >>> shift;
      while (true) {
        const slot = slots + (<usize>i << 3);
        const branch = <usize>load<u32>(slot, 4);
        if (branch == 0) {
          node = load<u32>(node, X_OTHER);
          break;
        }
        if (load<u32>(slot) == value) {
          node = branch;
          break;
        }
        i = (i + 1) & last;
      }
    } else if (kind == NODE_SCAN) {
      let e = node + 8;
      for (let n = load<u32>(node, 4); n > 0; n--) {
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
      let at = node + 8;
      for (let n = load<u32>(node, 4); n > 0; n--) {
        const t = <usize>load<u32>(at);
        at += 4;
        // Tuples stand in order of their best rank: from here on none can win.
        if (load<u32>(t, U_RANK) >= limit) break;
        let e = probe(t, row);
        while (e != 0 && load<u32>(e, E_RANK) < from) e = load<u32>(e, E_NEXT);
        if (e != 0 && load<u32>(e, E_RANK) < limit) {
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

/** The best entry among rules without conjunctions, or 0. */
// @ts-ignore: decorator
@inline
function best(table: usize, row: usize): usize {
  return find(load<u32>(table, T_ROOT), row, 0, 0xffff_ffff);
}

/** The first matching entry of a sequence from a rank on, or 0. */
// @ts-ignore: decorator
@inline
export function next(table: usize, row: usize, from: u32): usize {
  return find(load<u32>(table, T_ROOT), row, from, 0xffff_ffff);
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
