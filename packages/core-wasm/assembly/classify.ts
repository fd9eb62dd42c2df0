// Table look-up. src/classifier.ts says how tables lie in memory and why.
import { S } from "./base";
import { F_CONJ_ID } from "./fields";
import {
  ENTRY_BYTES, E_CONJ, E_NEXT, E_PRIORITY, E_RANK, E_WORDS, S_SOFT, TABLE_TUPLES, TUPLE_BYTES, T_COUNT, T_FIRST, T_KIND,
  T_SOFT, T_SOFT_COUNT, U_RANK, U_SLOTS, U_SLOT_MASK, U_WORDS,
} from "./layout";

/** The first matching entry of a scan list from `e` on, or 0. */
export function scan(e: usize, row: usize): usize {
  while (e != 0) {
    let p = e + ENTRY_BYTES;
    const end = p + <usize>load<u32>(e, E_WORDS) * 12;
    while (p < end) {
      if ((load<u32>(row + load<u32>(p)) & load<u32>(p, 4)) != load<u32>(p, 8)) break;
      p += 12;
    }
    if (p == end) return e;
    e = load<u32>(e, E_NEXT);
  }
  return 0;
}

/** The entry of tuple `t` that has the row's values, or 0. */
// @ts-ignore: decorator
@inline
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
  let found: usize = 0;
  while (true) {
    const slot = slots + (<usize>i << 3);
    const e = <usize>load<u32>(slot, 4);
    if (e == 0) break;
    if (load<u32>(slot) == h) {
      let v = e + ENTRY_BYTES;
      let m = masks;
      while (m < end) {
        if ((load<u32>(row + load<u32>(m)) & load<u32>(m, 4)) != load<u32>(v)) break;
        m += 8;
        v += 4;
      }
      if (m == end) {
        found = e;
        break;
      }
    }
    i = (i + 1) & slotMask;
  }
  return found;
}

/** The best entry among rules without conjunctions, or 0. */
function best(table: usize, row: usize): usize {
  if (load<u32>(table, T_KIND) != TABLE_TUPLES) return scan(load<u32>(table, T_FIRST), row);
  let found: usize = 0;
  let rank: u32 = 0xffff_ffff;
  let at = <usize>load<u32>(table, T_FIRST);
  const end = at + (<usize>load<u32>(table, T_COUNT) << 2);
  for (; at < end; at += 4) {
    const t = <usize>load<u32>(at);
    // Tuples stand in order of their best rank: from here on none can win.
    if (load<u32>(t, U_RANK) >= rank) break;
    const e = probe(t, row);
    if (e != 0 && load<u32>(e, E_RANK) < rank) {
      found = e;
      rank = load<u32>(e, E_RANK);
    }
  }
  return found;
}

/** The entry that a `priority` or `lpm` table takes for the row, or 0. */
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
      if (hard != 0 && load<i32>(e, E_PRIORITY) <= load<i32>(hard, E_PRIORITY)) continue;
      let to = end;
      for (; to > list && load<u32>(load<u32>(to - 4), E_RANK) > load<u32>(e, E_RANK); to -= 4) store<u32>(to, load<u32>(to - 4));
      store<u32>(to, <u32>e);
      end += 4;
    }
  }
  // Rank follows priority, so entries of one priority stand together, best priority first.
  for (let group = list; group < end; ) {
    const priority = load<i32>(load<u32>(group), E_PRIORITY);
    let stop = group;
    while (stop < end && load<i32>(load<u32>(stop), E_PRIORITY) == priority) stop += 4;
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

/** The first conjunction id, in order of the entries from `group` to `stop`, all of whose clauses are there; -1 if none. */
function completeId(group: usize, stop: usize): i64 {
  for (let at = group; at < stop; at += 4) {
    let c = <usize>load<u32>(load<u32>(at), E_CONJ);
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
    let c = <usize>load<u32>(load<u32>(at), E_CONJ);
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
    let c = <usize>load<u32>(load<u32>(at), E_CONJ);
    for (let n = load<u32>(c); n > 0; n--) {
      if (load<u32>(c, 4) == id) return load<u32>(c, 12);
      c += 12;
    }
  }
  return 0xffff_ffff;
}
